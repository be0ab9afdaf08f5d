using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Conversion;

/// <summary>A head that lies in the files of a model whose configuration says that its embedding is the head.</summary>
internal static class TiedHead
{
    private const string Head = "lm_head.";
    private const string Embedding = "model.embed_tokens.";
    private const int PieceElements = 1 << 20;

    /// <summary>Refuses a head that isn't a copy of the embedding: which of the two is meant is anybody's guess.</summary>
    /// <param name="model">The weights.</param>
    /// <exception cref="ModelFormatException">It differs.</exception>
    public static void Check(SafetensorsModel model)
    {
        foreach (SafetensorsTensorInfo head in model.Tensors.Values)
        {
            if (!head.Name.StartsWith(Head, StringComparison.Ordinal)) continue;
            if (model.Tensors.TryGetValue(Embedding + head.Name[Head.Length..], out SafetensorsTensorInfo? embedding)
                && AreEqual(model, head, embedding))
            {
                continue;
            }

            throw new ModelFormatException(model.Files[head.Part], head.Offset,
                $"'tie_word_embeddings' is true, but '{head.Name}' is not a copy of the embedding.",
                "Set 'tie_word_embeddings' to false in config.json if the model has a head of its own; otherwise remove the tensor.");
        }
    }

    private static bool AreEqual(SafetensorsModel model, SafetensorsTensorInfo a, SafetensorsTensorInfo b)
    {
        if (!a.Shape.AsSpan().SequenceEqual(b.Shape.AsSpan())) return false;
        bool isSameType = a.DType == b.DType;
        if (!isSameType && !(IsFloat(a.DType) && IsFloat(b.DType))) return false;
        float[] left = isSameType ? [] : new float[PieceElements], right = isSameType ? [] : new float[PieceElements];
        for (long at = 0; at < a.ElementCount; at += PieceElements)
        {
            int count = (int)Math.Min(PieceElements, a.ElementCount - at);
            ReadOnlySpan<byte> x = model.Span(a, at * a.ElementBytes, count * a.ElementBytes);
            ReadOnlySpan<byte> y = model.Span(b, at * b.ElementBytes, count * b.ElementBytes);
            if (isSameType)
            {
                if (!x.SequenceEqual(y)) return false;
                continue;
            }

            FloatMatrix.CodecOf(a.DType).Dequantize(x, left.AsSpan(0, count));
            FloatMatrix.CodecOf(b.DType).Dequantize(y, right.AsSpan(0, count));
            if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count))) return false;
        }

        return true;
    }

    private static bool IsFloat(SafetensorsDType type) => type is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16;
}
