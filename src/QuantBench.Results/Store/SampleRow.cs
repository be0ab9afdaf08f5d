using System.Buffers.Binary;

namespace QuantBench.Results.Store;

/// <summary>The raw samples of one measurement.</summary>
internal sealed class SampleRow
{
    /// <summary>The measurement's row.</summary>
    public required long MeasurementId { get; init; }

    /// <summary>Number of samples.</summary>
    public required int Count { get; init; }

    /// <summary>The samples, <see cref="Count"/> little-endian float64.</summary>
    public required byte[] Data { get; init; }

    /// <summary>Packs samples for <see cref="Data"/>.</summary>
    public static byte[] Pack(ReadOnlySpan<double> samples)
    {
        byte[] data = new byte[samples.Length * sizeof(double)];
        for (int i = 0; i < samples.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(data.AsSpan(i * sizeof(double)), samples[i]);
        return data;
    }

    /// <summary>The samples of <see cref="Data"/>.</summary>
    public static double[] Unpack(ReadOnlySpan<byte> data)
    {
        double[] samples = new double[data.Length / sizeof(double)];
        for (int i = 0; i < samples.Length; i++) samples[i] = BinaryPrimitives.ReadDoubleLittleEndian(data[(i * sizeof(double))..]);
        return samples;
    }
}
