using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>How fast are weights decoded to floats? Mirrors conversions between formats.</summary>
public class DequantizeBenchmarks : KernelBenchmarks
{
    internal override KernelOp Op => KernelOp.Dequantize;
}
