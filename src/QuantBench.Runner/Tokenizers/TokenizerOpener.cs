using QuantBench.Core.Errors;
using QuantBench.Models.Sources;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tokenizers;

/// <summary>Finds the tokenizer of a model source: this program's own, or that of an engine which reads the file.</summary>
/// <param name="environment">Where things lie.</param>
public sealed class TokenizerOpener(RunnerEnvironment environment)
{
    /// <summary>Opens a source's tokenizer.</summary>
    /// <param name="source">The source.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">Neither this program nor an engine can read it.</exception>
    public async Task<ModelTokenizer> OpenAsync(ModelSource source, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        QuantBenchException own;
        try
        {
            return new OwnTokenizer(environment.OpenTokenizer(source));
        }
        catch (QuantBenchException e) when (e is UnsupportedException or ModelFormatException && source.Kind == SourceKind.Gguf)
        {
            own = e;
        }

        var refusals = new List<string>();
        foreach (string engine in environment.Engines.Registrations.Where(r => r.Facts.Tokenizes).Select(r => r.Name))
        {
            try
            {
                return await EngineTokenizer.OpenAsync(environment, engine, source.Path, cancellationToken);
            }
            catch (QuantBenchException e) when (e is UnsupportedException or EngineException)
            {
                if (!refusals.Contains(e.Explanation)) refusals.Add(e.Explanation);
            }
        }

        if (refusals.Count == 0) throw own;
        string hint = $"{string.Join("; ", refusals).TrimEnd('.')}. {own.Hint}".TrimEnd();
        throw own is UnsupportedException ? new UnsupportedException(null, own.Message, hint, own)
            : new ModelFormatException(source.Path, null, own.Message.Replace($"{source.Path}: ", "", StringComparison.Ordinal), hint, own);
    }
}
