using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBench.Engines.OnnxRuntime.Models;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>The inputs and outputs of one shape of run, bound once: views of the session's buffers, past and present of a layer the same
/// memory.</summary>
internal sealed class BoundRun : IDisposable
{
    private readonly OrtIoBinding _binding;
    private readonly List<OrtValue> _values = [];

    /// <param name="session">The model.</param>
    /// <param name="signature">Its inputs and outputs.</param>
    /// <param name="shape">Shape of the run.</param>
    /// <param name="buffers">The buffers.</param>
    public BoundRun(InferenceSession session, DecoderSignature signature, RunShape shape, SessionBuffers buffers)
    {
        _binding = session.CreateIoBinding();
        try
        {
            Input(signature.InputIds, signature.IdType, [shape.Count, shape.Tokens], buffers.Ids.Pointer);
            if (signature.AttentionMask is { } mask) Input(mask, signature.IdType, [shape.Count, shape.MaskLength], buffers.Mask.Pointer);
            if (signature.PositionIds is { } positions)
                Input(positions, signature.IdType, [shape.Count, shape.Tokens], buffers.Positions.Pointer);
            if (signature.UseCacheBranch is { } branch) Input(branch, TensorElementType.Bool, [1], buffers.True.Pointer);
            long[] cacheShape = [shape.Count, signature.CacheHeads, buffers.ContextLength, signature.HeadSize];
            for (int layer = 0; layer < signature.Layers.Length; layer++)
            {
                CacheLayer names = signature.Layers[layer];
                Cache(names.PastKey, names.PresentKey, signature.CacheType, cacheShape, buffers.Cache.Key(layer, shape.First));
                Cache(names.PastValue, names.PresentValue, signature.CacheType, cacheShape, buffers.Cache.Value(layer, shape.First));
            }

            OrtValue logits =
                View(OrtMemoryInfo.DefaultInstance, signature.LogitsType, [shape.Count, shape.Tokens, signature.VocabularySize],
                    buffers.Logits.Pointer);
            _binding.BindOutput(signature.Logits, logits);
        }
        catch
        {
            Dispose();
            throw;
        }

        void Input(string name, TensorElementType type, long[] dimensions, nint data) =>
            _binding.BindInput(name, View(OrtMemoryInfo.DefaultInstance, type, dimensions, data));

        void Cache(string past, string present, TensorElementType type, long[] dimensions, nint data)
        {
            OrtValue view = View(buffers.Cache.Place, type, dimensions, data);
            _binding.BindInput(past, view);
            _binding.BindOutput(present, view);
        }
    }

    /// <summary>Computes; allocates nothing on the managed heap.</summary>
    public void Run(InferenceSession session, RunOptions options) => session.RunWithBinding(options, _binding);

    /// <inheritdoc/>
    public void Dispose()
    {
        _binding.Dispose();
        foreach (OrtValue value in _values) value.Dispose();
        _values.Clear();
    }

    private OrtValue View(OrtMemoryInfo place, TensorElementType type, long[] dimensions, nint data)
    {
        long bytes = dimensions.Aggregate((long)DecoderSignature.SizeOf(type), (product, dimension) => checked(product * dimension));
        OrtValue value = OrtValue.CreateTensorValueWithData(place, type, dimensions, data, bytes);
        _values.Add(value);
        return value;
    }
}
