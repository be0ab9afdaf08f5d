using QuantBench.Formats.Tokenizers;
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
}
