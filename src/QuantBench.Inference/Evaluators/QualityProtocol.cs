namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Protocol ids of quality figures: two figures may be compared exactly when their ids are equal. The leading name changes whenever the
/// definition does: v2 puts BOS before the text is cut, as llama-perplexity does. Without BOS nothing has changed, and the id stays v1.
/// </summary>
public static class QualityProtocol
{
    /// <summary>Id of perplexity figures, e.g.
    /// <c>ppl-v1;n_ctx=512;chunks=64;bos=none;text=0123456789ab;tokenizer=0123456789ab</c>.</summary>
    /// <param name="text">The evaluation text.</param>
    /// <param name="contextLength">Chunk length in tokens.</param>
    /// <param name="chunks">Chunks really scored.</param>
    public static string Perplexity(EvaluationText text, int contextLength, int chunks)
    {
        ArgumentNullException.ThrowIfNull(text);
        return $"ppl-{Version(text)};{Common(text, contextLength, chunks)}";
    }

    /// <summary>Id of figures against a reference: the perplexity's with the reference variant behind it.</summary>
    /// <param name="text">The evaluation text.</param>
    /// <param name="contextLength">Chunk length in tokens.</param>
    /// <param name="chunks">Chunks really scored.</param>
    /// <param name="reference">Id of the reference variant, e.g. <c>gguf:F32</c>.</param>
    /// <param name="unlike">What of the cell's settings the reference wasn't run with (<see cref="Core.Suites.ReferenceNeed.Unlike"/>):
    /// earlier builds rounded both caches, and their figures lack the cache's damage.</param>
    public static string Divergence(EvaluationText text, int contextLength, int chunks, string reference, string unlike)
    {
        ArgumentNullException.ThrowIfNull(text);
        return $"kl-{Version(text)};{Common(text, contextLength, chunks)};reference={reference}{unlike}";
    }

    /// <summary>The rule by which the text is cut: <c>v1</c>, or <c>v2</c> where the tokenizer adds BOS.</summary>
    /// <param name="text">The evaluation text.</param>
    private static string Version(EvaluationText text) => text.BosToken is null ? "v1" : "v2";

    private static string Common(EvaluationText text, int contextLength, int chunks) =>
        $"n_ctx={contextLength};chunks={chunks};bos={text.BosToken?.ToString() ?? "none"};"
            + $"text={Short(text.TextSha256)};tokenizer={Short(text.TokenizerSha256)}";

    private static string Short(string hash) => hash.Length <= 12 ? hash : hash[..12];
}
