using System.Collections.Immutable;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>
/// Matrices that read the same inputs and whose results lie side by side. Neighbours of one type are merged, so that they are one launch.
/// </summary>
internal sealed class DeviceLinear : DeviceOwner
{
    /// <summary>Copies matrices to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">What they are, for messages.</param>
    /// <param name="parts">The matrices; of one width.</param>
    public DeviceLinear(DeviceMemory device, string what, params ReadOnlySpan<Linear> parts)
    {
        var matrices = ImmutableArray.CreateBuilder<(DeviceMatrix, int)>();
        try
        {
            int first = 0;
            for (int i = 0; i < parts.Length;)
            {
                int end = i + 1, rows = parts[i].Weights.Rows;
                for (; end < parts.Length && parts[i].Weights.Source is null && parts[end].Weights.Type == parts[i].Weights.Type; end++)
                    rows += parts[end].Weights.Rows;
                var run = new WeightMatrix[end - i];
                for (int k = 0; k < run.Length; k++) run[k] = parts[i + k].Weights;
                matrices.Add((Keep(DeviceMatrix.Upload(device, what, run)), first));
                first += rows;
                i = end;
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        Matrices = matrices.ToImmutable();
    }

    /// <summary>The matrices, and where the results of each start.</summary>
    public ImmutableArray<(DeviceMatrix Matrix, int First)> Matrices { get; }

    /// <summary>Whether any of them reads 8-bit inputs.</summary>
    public bool Reads8Bit => Matrices.Any(m => !m.Matrix.Format.ReadsFloats);
}
