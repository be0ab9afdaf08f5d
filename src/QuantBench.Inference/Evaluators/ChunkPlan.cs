using QuantBench.Core.Errors;
using QuantBench.Core.Settings;

namespace QuantBench.Inference.Evaluators;

/// <summary>How a text is cut and scored: llama-perplexity's rule. Scored positions are numbered chunk after chunk, from 0.</summary>
internal sealed record ChunkPlan
{
    /// <summary>The text.</summary>
    public required EvaluationText Text { get; init; }

    /// <summary>What is cut into chunks: the text's tokens, with the BOS token in front where the tokenizer adds one.</summary>
    public required ReadOnlyMemory<int> Tokens { get; init; }

    /// <summary>Bytes of text that each of <see cref="Tokens"/> stands for.</summary>
    public required ReadOnlyMemory<ushort> TokenBytes { get; init; }

    /// <summary>Chunk length in tokens; also the context each sequence needs.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Most tokens of one append.</summary>
    public required int BatchTokens { get; init; }

    /// <summary>Chunks to score.</summary>
    public required int Chunks { get; init; }

    /// <summary>First scored position of a chunk; everything before is context only.</summary>
    public int First => ContextLength / 2;

    /// <summary>Scored positions per chunk: First … ContextLength − 2, each predicting the next token.</summary>
    public int ScoredPerChunk => ContextLength - 1 - First;

    /// <summary>Scored positions in all.</summary>
    public int Scored => Chunks * ScoredPerChunk;

    /// <summary>Chunks that go through the engine side by side.</summary>
    public int Sequences => Math.Max(1, BatchTokens / ContextLength);

    /// <summary>Plans a cell's chunks.</summary>
    /// <exception cref="RequestException">There is no text, or too little of it.</exception>
    public static ChunkPlan Make(EvaluationText? text, CellSettings settings)
    {
        if (text is null)
            throw new RequestException("This workload needs an evaluation text, but the cell has none.", "Set 'dataset' in the suite.");
        if (text.TokenBytes.Length != text.Tokens.Length)
        {
            throw new RequestException(
                $"The text '{text.Dataset}' has {text.Tokens.Length} tokens but lengths of {text.TokenBytes.Length}.",
                "Tokenize it again.");
        }

        // llama-perplexity tokenizes with special tokens, so BOS is the text's first token before the text is cut.
        ReadOnlyMemory<int> tokens = text.BosToken is { } bos ? (int[])[bos, .. text.Tokens.Span] : text.Tokens;
        ReadOnlyMemory<ushort> tokenBytes = text.BosToken is null ? text.TokenBytes : (ushort[])[0, .. text.TokenBytes.Span];
        int contextLength = checked((int)settings.Int("n_ctx"));
        int available = tokens.Length / contextLength;
        if (available < 2)
        {
            throw new RequestException(
                $"The text '{text.Dataset}' has {tokens.Length} tokens; chunks of {contextLength} need at least {2L * contextLength}.",
                "Use a longer text or a smaller n_ctx.");
        }

        long asked = settings.Int("chunks");
        if (asked > available)
        {
            throw new RequestException(
                $"{asked} chunks were asked for, but the text '{text.Dataset}' has {available} of {contextLength} tokens.",
                $"Set chunks to at most {available}, or to 0 for the whole text.");
        }

        int chunks = asked == 0 ? available : (int)asked;
        if ((long)chunks * (contextLength - 1 - contextLength / 2) > int.MaxValue)
        {
            throw new RequestException($"The text '{text.Dataset}' is too long to score at once.", "Set a smaller number of chunks.");
        }

        return new ChunkPlan
        {
            Text = text,
            Tokens = tokens,
            TokenBytes = tokenBytes,
            ContextLength = contextLength,
            BatchTokens = checked((int)settings.Int("n_batch")),
            Chunks = chunks,
        };
    }

    /// <summary>Token that a scored position predicts.</summary>
    /// <param name="scored">Number of the scored position.</param>
    public int Target(int scored) => Tokens.Span[StreamIndex(scored) + 1];

    /// <summary>Index in <see cref="Tokens"/> of a scored position.</summary>
    /// <param name="scored">Number of the scored position.</param>
    public int StreamIndex(int scored) => scored / ScoredPerChunk * ContextLength + First + scored % ScoredPerChunk;

    /// <summary>A scored position as people count them, from 1 and within its chunk.</summary>
    /// <param name="scored">Number of the scored position.</param>
    public string PlaceOf(int scored) => $"chunk {scored / ScoredPerChunk + 1}, position {First + scored % ScoredPerChunk}";

    /// <summary>Bytes of text that targets stand for.</summary>
    /// <param name="scored">Numbers of their positions.</param>
    public long ScoredBytes(ReadOnlySpan<int> scored)
    {
        ReadOnlySpan<ushort> lengths = TokenBytes.Span;
        long bytes = 0;
        foreach (int i in scored) bytes += lengths[StreamIndex(i) + 1];
        return bytes;
    }

    /// <summary>Checks that the model's vocabulary holds every token.</summary>
    /// <exception cref="RequestException">It doesn't: text and model don't belong together.</exception>
    public void CheckVocabulary(int vocabularySize)
    {
        int largest = 0;
        foreach (int token in Tokens.Span)
        {
            if (token < 0) throw new RequestException($"The text '{Text.Dataset}' holds the token id {token}.", "Tokenize it again.");
            largest = Math.Max(largest, token);
        }

        if (largest >= vocabularySize)
        {
            throw new RequestException(
                $"The text '{Text.Dataset}' holds token id {largest}, but the model has {vocabularySize} logits.",
                "The tokenizer doesn't belong to this model.");
        }
    }
}
