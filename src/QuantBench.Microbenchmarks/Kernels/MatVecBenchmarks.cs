using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>How fast is a matrix times one vector? Mirrors one product of generating a token, the input's rounding to 8 bits
/// included.</summary>
public class MatVecBenchmarks : KernelBenchmarks
{
    internal override KernelOp Op => KernelOp.MatVec;
}
