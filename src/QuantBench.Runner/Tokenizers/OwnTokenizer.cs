using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Tasks;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tokenizers;

/// <summary>A tokenizer that this program reads itself.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
public sealed record OwnTokenizer(ITextTokenizer Tokenizer) : ModelTokenizer(Tokenizer.Sha256, Tokenizer.BosToken)
{
    /// <inheritdoc/>
    public override Task WriteAsync(DatasetText text, string path, CancellationToken cancellationToken)
    {
        TokenFileMaker.Write(path, text.Text, text.Sha256, Tokenizer);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task WriteAsync(TaskSet set, string setPath, string path, CancellationToken cancellationToken)
    {
        TaskTokens.Make(set, Tokenizer).Write(path);
        return Task.CompletedTask;
    }
}
