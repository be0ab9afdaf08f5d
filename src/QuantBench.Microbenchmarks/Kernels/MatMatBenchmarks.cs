using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>How fast is a matrix times many vectors? Mirrors one product of reading a prompt, the inputs' rounding to 8 bits
/// included.</summary>
public class MatMatBenchmarks : KernelBenchmarks
{
    internal override KernelOp Op => KernelOp.MatMat;
}
