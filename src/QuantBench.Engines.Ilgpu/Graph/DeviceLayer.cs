using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Weights of one layer on a device.</summary>
internal sealed unsafe class DeviceLayer : DeviceOwner
{
    /// <param name="device">The device.</param>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="layer">The layer, on the host.</param>
    public DeviceLayer(DeviceMemory device, DecoderShape shape, Layer layer)
    {
        int queries = shape.Heads * shape.HeadWidth, keys = shape.KvHeads * shape.HeadWidth;
        try
        {
            Projection = Keep(new DeviceLinear(device, "weights", layer.Query, layer.Key, layer.Value));
            Output = Keep(new DeviceLinear(device, "weights", layer.Output));
            if (layer.Common is { } common)
            {
                GateUp = Keep(common.Gate is { } gate ? new DeviceLinear(device, "weights", gate, common.Up)
                    : new DeviceLinear(device, "weights", common.Up));
                Down = Keep(new DeviceLinear(device, "weights", common.Down));
            }

            if (layer.Experts is { } experts) Experts = Keep(new DeviceExperts(device, shape, experts));
            ProjectionBias =
                Keep(JoinBiases(device, ((nint)layer.Query.Bias, queries), ((nint)layer.Key.Bias, keys), ((nint)layer.Value.Bias, keys)));
            OutputBias = Vector(layer.Output.Bias, shape.Embedding);
            GateBias = Vector(layer.Common is { Gate: { } gated } ? gated.Bias : null, shape.CommonFeedForward);
            UpBias = Vector(layer.Common is { } raised ? raised.Up.Bias : null, shape.CommonFeedForward);
            DownBias = Vector(layer.Common is { } lowered ? lowered.Down.Bias : null, shape.Embedding);
            if (Experts is not null && DownBias.Flag != 0)
                throw new UnsupportedException(device.Backend, "a bias of the expert that all tokens use is not implemented.");
            Sinks = Vector(layer.Sinks, shape.Heads);
            AttentionNorm = Keep(new DeviceNorm(device, layer.AttentionNorm, shape.Embedding));
            FeedForwardNorm = Keep(new DeviceNorm(device, layer.FeedForwardNorm, shape.Embedding));
            bool whole = shape.Architecture.HasProjectionNorms;
            QueryNorm = Vector(layer.QueryNorm, whole ? queries : shape.HeadWidth);
            KeyNorm = Vector(layer.KeyNorm, whole ? keys : shape.HeadWidth);
            PostAttentionNorm = Vector(layer.PostAttentionNorm, shape.Embedding);
            PostFeedForwardNorm = Vector(layer.PostFeedForwardNorm, shape.Embedding);
        }
        catch
        {
            Dispose();
            throw;
        }

        DeviceVector Vector(float* values, int length) => Keep(new DeviceVector(device, "weights", values, length));
    }

    public DeviceLinear Projection { get; }

    public DeviceLinear Output { get; }

    /// <summary>The feed-forward part of all tokens; null in layers that have only experts.</summary>
    public DeviceLinear? GateUp { get; }

    /// <summary>Its down-projection.</summary>
    public DeviceLinear? Down { get; }

    /// <summary>Null where there are none.</summary>
    public DeviceExperts? Experts { get; }

    public DeviceVector Sinks { get; }

    /// <summary>Whether what reads the norm before the feed-forward part reads 8-bit inputs.</summary>
    public bool FeedForwardReads8Bit => GateUp is { Reads8Bit: true } || Experts is { Reads8Bit: true };

    public DeviceVector ProjectionBias { get; }

    public DeviceVector OutputBias { get; }

    public DeviceVector GateBias { get; }

    public DeviceVector UpBias { get; }

    public DeviceVector DownBias { get; }

    public DeviceNorm AttentionNorm { get; }

    public DeviceNorm FeedForwardNorm { get; }

    public DeviceVector QueryNorm { get; }

    public DeviceVector KeyNorm { get; }

    public DeviceVector PostAttentionNorm { get; }

    public DeviceVector PostFeedForwardNorm { get; }

    /// <summary>Biases side by side; zeros for a part that has none, a stand-in when no part has one.</summary>
    private static DeviceVector JoinBiases(DeviceMemory device, (nint Bias, int Length) a, (nint Bias, int Length) b,
        (nint Bias, int Length) c)
    {
        float[] joined = new float[a.Length + b.Length + c.Length];
        bool any = Copy(a, joined) | Copy(b, joined.AsSpan(a.Length)) | Copy(c, joined.AsSpan(a.Length + b.Length));
        fixed (float* values = joined) return new DeviceVector(device, "weights", any ? values : null, joined.Length);
    }

    private static bool Copy((nint Bias, int Length) from, Span<float> to)
    {
        if (from.Bias == 0) return false;
        new ReadOnlySpan<float>((float*)from.Bias, from.Length).CopyTo(to);
        return true;
    }
}
