using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>All weights of a model on a device.</summary>
internal sealed unsafe class DeviceWeights : DeviceOwner
{
    /// <param name="device">The device.</param>
    /// <param name="weights">The model, on the host; not needed any more afterwards.</param>
    /// <param name="cancellationToken">Looked at between layers.</param>
    public DeviceWeights(DeviceMemory device, ModelWeights weights, CancellationToken cancellationToken)
    {
        Shape = weights.Shape;
        VocabularySize = weights.VocabularySize;
        ParameterCount = weights.ParameterCount;
        RopeFactors = weights.RopeFactors;
        try
        {
            Embeddings = Keep(DeviceMatrix.Upload(device, "the embeddings", weights.Embeddings));
            Head = ReferenceEquals(weights.Head, weights.Embeddings) ? Embeddings
                : Keep(DeviceMatrix.Upload(device, "the head", weights.Head));
            OutputNorm = Keep(new DeviceNorm(device, weights.OutputNorm, Shape.Embedding));
            Layers = new DeviceLayer[Shape.Layers];
            for (int i = 0; i < Layers.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Layers[i] = Keep(new DeviceLayer(device, Shape, weights.Layers[i]));
            }

            device.Stream.Synchronize();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model's sizes.</summary>
    public DecoderShape Shape { get; }

    /// <summary>Number of tokens in the vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>Number of weights.</summary>
    public long ParameterCount { get; }

    /// <summary>[vocabulary, width].</summary>
    public DeviceMatrix Embeddings { get; }

    /// <summary>[vocabulary, width]; the embeddings where the model has no own.</summary>
    public DeviceMatrix Head { get; }

    /// <summary>[width].</summary>
    public DeviceNorm OutputNorm { get; }

    /// <summary>The layers.</summary>
    public DeviceLayer[] Layers { get; }

    /// <summary>Divisors of rotary angles.</summary>
    public RotaryFactors RopeFactors { get; }
}
