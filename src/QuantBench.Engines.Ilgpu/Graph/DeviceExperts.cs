using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Experts of one layer on a device: all gates are one matrix, and so are all up- and all down-projections.</summary>
internal sealed unsafe class DeviceExperts : DeviceOwner
{
    /// <param name="device">The device.</param>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="experts">The experts, on the host.</param>
    public DeviceExperts(DeviceMemory device, DecoderShape shape, Experts experts)
    {
        try
        {
            var common = experts.CommonRouter is null ? null
                : new Linear(new WeightMatrix((byte*)experts.CommonRouter, GgmlType.F32, 1, shape.Embedding), null);
            Router = Keep(common is null ? new DeviceLinear(device, "weights", experts.Router)
                : new DeviceLinear(device, "weights", experts.Router, common));
            RouterBias = Vector(experts.Router.Bias, shape.Experts);
            Gate = Stack(experts.Gate);
            Up = Stack(experts.Up);
            Down = Stack(experts.Down);
            GateBias = Vector(experts.Gate[0].Bias, shape.Experts * shape.ExpertFeedForward);
            UpBias = Vector(experts.Up[0].Bias, shape.Experts * shape.ExpertFeedForward);
            DownBias = Vector(experts.Down[0].Bias, shape.Experts * shape.Embedding);
        }
        catch
        {
            Dispose();
            throw;
        }

        // Biases of all experts lie one behind the other.
        DeviceVector Vector(float* values, int length) => Keep(new DeviceVector(device, "weights", values, length));

        DeviceMatrix Stack(Linear[] parts)
        {
            WeightMatrix[] matrices = [.. parts.Select(part => part.Weights)];
            if (matrices.Any(matrix => matrix.Type != matrices[0].Type))
                throw new UnsupportedException(device.Backend, "experts of one layer in several types are not implemented.");
            return Keep(DeviceMatrix.Upload(device, "experts", matrices));
        }
    }

    /// <summary>Rates the experts, then the part that all tokens use.</summary>
    public DeviceLinear Router { get; }

    public DeviceVector RouterBias { get; }

    public DeviceMatrix Gate { get; }

    public DeviceMatrix Up { get; }

    public DeviceMatrix Down { get; }

    public DeviceVector GateBias { get; }

    public DeviceVector UpBias { get; }

    public DeviceVector DownBias { get; }

    /// <summary>Whether a product reads 8-bit inputs.</summary>
    public bool Reads8Bit => !Gate.Format.ReadsFloats || !Up.Format.ReadsFloats || Router.Reads8Bit;
}
