using System.Runtime.Intrinsics;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Models.Traces;

/// <summary>
/// Texts that a model writes itself, sampled from its own distribution (temperature 1, nothing cut off) by a seeded generator: the same
/// bytes on every machine. On such a text a model's cross-entropy is its entropy, and what a quantized copy has more is how far it went.
/// </summary>
public static class TraceSampler
{
    /// <summary>Names this way to sample. Another arithmetic or another generator gives other texts and is another version.</summary>
    public const string Version = "trace-1";

    /// <summary>Most tokens of a document.</summary>
    public const int MaxTokens = 2048;

    /// <summary>Most documents.</summary>
    public const int MaxDocuments = 4096;

    /// <summary>Samples documents.</summary>
    /// <param name="directory">A Hugging Face directory of a plain llama-shaped model with a byte-level tokenizer.</param>
    /// <param name="seed">Seed; each document has a stream of its own.</param>
    /// <param name="documents">How many, to <see cref="MaxDocuments"/>.</param>
    /// <param name="tokens">Tokens of each, to <see cref="MaxTokens"/> and the model's context.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>The texts.</returns>
    /// <exception cref="QuantBenchException">The model can't be read, or isn't of that shape.</exception>
    public static string[] Sample(string directory, ulong seed, int documents, int tokens, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(documents, Math.Clamp(documents, 1, MaxDocuments));
        ArgumentOutOfRangeException.ThrowIfNotEqual(tokens, Math.Clamp(tokens, 1, MaxTokens));
        TraceModel model = TraceModel.Read(directory);
        if (tokens > model.Shape.ContextLength)
            throw new UnsupportedException(directory, $"its context has {model.Shape.ContextLength} tokens, and {tokens} are asked for");
        var tokenizer = HuggingFaceTokenizer.Read(directory, model.Shape.Vocabulary);
        byte[]?[] pieces = Pieces(directory, tokenizer);
        int start = tokenizer.SpecialIds.FirstOrDefault(s => s.Role == "bos", (Role: "bos", Id: 0)).Id;
        string[] texts = new string[documents];
        var options = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, (documents + TraceLanes.Count - 1) / TraceLanes.Count, options, group =>
        {
            int first = group * TraceLanes.Count;
            string[] some = Group(model, pieces, start, seed, first, tokens, cancellationToken);
            some.AsSpan(0, Math.Min(some.Length, documents - first)).CopyTo(texts.AsSpan(first));
        });
        return texts;
    }

    private static string[] Group(TraceModel model, byte[]?[] pieces, int start, ulong seed, int first, int length, CancellationToken stop)
    {
        var lanes = new TraceLanes(model, length);
        int[] last = new int[TraceLanes.Count];
        Array.Fill(last, start);
        var random = new ulong[TraceLanes.Count];
        for (int lane = 0; lane < random.Length; lane++)
        {
            ulong stream = (ulong)(first + lane);
            random[lane] = seed ^ Next(ref stream);
        }

        var texts = new MemoryStream[TraceLanes.Count];
        for (int lane = 0; lane < texts.Length; lane++) texts[lane] = new MemoryStream();
        for (int position = 0; position < length; position++)
        {
            stop.ThrowIfCancellationRequested();
            lanes.Step(position, last);
            Exponentiate(lanes.Logits);
            for (int lane = 0; lane < last.Length; lane++)
            {
                double uniform = (Next(ref random[lane]) >> 11) * (1.0 / (1UL << 53));
                last[lane] = Choose(lanes.Logits, lane, pieces, uniform);
                texts[lane].Write(pieces[last[lane]]);
            }
        }

        return [.. texts.Select(t => Encoding.UTF8.GetString(t.ToArray()))];
    }

    /// <summary>Logits to what is proportional to probabilities.</summary>
    private static void Exponentiate(Span<float> logits)
    {
        for (int half = 0; half < TraceLanes.Count; half += Vector256<float>.Count)
        {
            var max = Vector256.Create(float.NegativeInfinity);
            for (int at = half; at < logits.Length; at += TraceLanes.Count)
                max = Vector256.Max(max, Vector256.Create(logits.Slice(at, Vector256<float>.Count)));
            for (int at = half; at < logits.Length; at += TraceLanes.Count)
            {
                Span<float> place = logits.Slice(at, Vector256<float>.Count);
                ExactMath.Exp(Vector256.Create(place) - max).CopyTo(place);
            }
        }
    }

    private static int Choose(ReadOnlySpan<float> weights, int lane, byte[]?[] pieces, double uniform)
    {
        double total = 0, sum = 0;
        for (int token = 0; token < pieces.Length; token++)
            if (pieces[token] is not null) total += weights[(token * TraceLanes.Count) + lane];
        double target = uniform * total;
        int chosen = -1;
        for (int token = 0; token < pieces.Length && (chosen < 0 || sum <= target); token++)
        {
            if (pieces[token] is null) continue;
            sum += weights[(token * TraceLanes.Count) + lane];
            chosen = token;
        }

        return chosen;
    }

    /// <summary>The text of each token as UTF-8; null of those that are no whole text by themselves: special ones, and parts of
    /// characters.</summary>
    private static byte[]?[] Pieces(string directory, HuggingFaceTokenizer tokenizer)
    {
        if (tokenizer.Definition is not BpeDefinition bpe)
            throw new UnsupportedException(directory, "traces are sampled from models with byte-level tokenizers only");
        byte[]?[] pieces = new byte[bpe.Tokens.Length][];
        for (int id = 0; id < pieces.Length; id++)
        {
            byte[]? bytes = bpe.Types[id] == TokenType.Normal ? ByteLevel.Decode(bpe.Tokens[id]) : null;
            if (bytes is { Length: > 0 } && System.Text.Unicode.Utf8.IsValid(bytes) && !bytes.AsSpan().ContainsAnyInRange((byte)0, (byte)8))
                pieces[id] = bytes;
        }

        return pieces;
    }

    // SplitMix64.
    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
