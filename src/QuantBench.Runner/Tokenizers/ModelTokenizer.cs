using QuantBench.Core.Errors;
using QuantBench.Inference.Tasks;
using QuantBench.Runner.Datasets;

namespace QuantBench.Runner.Tokenizers;

/// <summary>A model's tokenizer as a run uses it: what identifies its ids, and how it writes a token file.</summary>
/// <param name="Sha256">SHA-256 of everything that decides the ids.</param>
/// <param name="BosToken">BOS token that it puts in front of a text; null when it adds none.</param>
public abstract record ModelTokenizer(string Sha256, int? BosToken)
{
    /// <summary>Writes a text's token file.</summary>
    /// <param name="text">The text.</param>
    /// <param name="path">Where to; its directory exists.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">The text can't be tokenized.</exception>
    public abstract Task WriteAsync(DatasetText text, string path, CancellationToken cancellationToken);

    /// <summary>Writes the tokens of a task's items.</summary>
    /// <param name="set">The items.</param>
    /// <param name="setPath">Where they are stored.</param>
    /// <param name="path">Where to; its directory exists.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">They can't be tokenized.</exception>
    public abstract Task WriteAsync(TaskSet set, string setPath, string path, CancellationToken cancellationToken);
}
