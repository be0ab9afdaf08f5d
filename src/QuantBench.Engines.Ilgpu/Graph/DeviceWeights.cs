using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Managed.Graph;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>All weights of a model on a device.</summary>
internal sealed unsafe class DeviceWeights : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <param name="device">The device.</param>
    /// <param name="weights">The model, on the host; not needed any more afterwards.</param>
    /// <param name="cancellationToken">Looked at between layers.</param>
    public DeviceWeights(DeviceMemory device, ModelWeights weights, CancellationToken cancellationToken)
    {
        Shape = weights.Shape;
        VocabularySize = weights.VocabularySize;
        ParameterCount = weights.ParameterCount;
        try
        {
            Embeddings = Keep(DeviceMatrix.Upload(device, "the embeddings", weights.Embeddings));
            Head = ReferenceEquals(weights.Head, weights.Embeddings) ? Embeddings
                : Keep(DeviceMatrix.Upload(device, "the head", weights.Head));
            OutputNorm = Keep(new DeviceVector(device, "weights", weights.OutputNorm, Shape.Embedding));
            Layers = new DeviceLayer[Shape.Layers];
            for (int i = 0; i < Layers.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Layers[i] = Keep(new DeviceLayer(device, Shape, weights.Layers[i]));
            }

            RopeFactors = Copy(weights.RopeFactors);
            LongRopeFactors = Copy(weights.LongRopeFactors);
            ShortRopeFactors = Copy(weights.ShortRopeFactors);
            device.Stream.Synchronize();
        }
        catch
        {
            Dispose();
            throw;
        }

        float[]? Copy(float* factors) => factors is null ? null : new ReadOnlySpan<float>(factors, Shape.RotatedWidth / 2).ToArray();
    }

    /// <summary>The model's sizes.</summary>
    public ModelShape Shape { get; }

    /// <summary>Number of tokens in the vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>Number of weights.</summary>
    public long ParameterCount { get; }

    /// <summary>[vocabulary, width].</summary>
    public DeviceMatrix Embeddings { get; }

    /// <summary>[vocabulary, width]; the embeddings where the model has no own.</summary>
    public DeviceMatrix Head { get; }

    /// <summary>[width].</summary>
    public DeviceVector OutputNorm { get; }

    /// <summary>The layers.</summary>
    public DeviceLayer[] Layers { get; }

    /// <summary>Divisors of RoPE angles, on the host, or null.</summary>
    public float[]? RopeFactors { get; }

    /// <summary>Divisors for contexts longer than the original, or null.</summary>
    public float[]? LongRopeFactors { get; }

    /// <summary>Divisors for contexts up to the original length, or null.</summary>
    public float[]? ShortRopeFactors { get; }

    /// <summary>Bytes on the device.</summary>
    public long Bytes => _owned.Sum(item => item switch
    {
        DeviceMatrix matrix => matrix.Bytes,
        DeviceVector vector => vector.Bytes,
        _ => ((DeviceLayer)item).Bytes,
    });

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable item in _owned) item.Dispose();
    }

    private T Keep<T>(T item)
        where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }
}
