using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>How fast is the inner product alone? Mirrors the inner loop of generation, its input prepared before.</summary>
public class VecDotBenchmarks : KernelBenchmarks
{
    internal override KernelOp Op => KernelOp.VecDot;
}
