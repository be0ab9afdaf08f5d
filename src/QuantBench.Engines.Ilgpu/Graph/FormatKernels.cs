using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Launchers of one format's kernels. Each is compiled at its first use and kept: the runtime's own cache holds kernels
/// weakly.</summary>
internal sealed class FormatKernels
{
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, ArrayView<float>, int, int, int>> _matVec;
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, int, ArrayView<float>, int, int>> _matMul;
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, int, ArrayView<float>, int, int>> _tensor;
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, MatrixView, ArrayView<int>, ArrayView<float>, int, int, float>> _gather;
    private readonly int _piece;
    private readonly bool _takesTensorCores;

    private FormatKernels(
        Func<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, ArrayView<float>, int, int, int>> matVec,
        Func<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, int, ArrayView<float>, int, int>> matMul,
        Func<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, int, ArrayView<float>, int, int>> tensor,
        Func<Action<AcceleratorStream, KernelConfig, MatrixView, ArrayView<int>, ArrayView<float>, int, int, float>> gather,
        int piece, bool takesTensorCores)
    {
        _takesTensorCores = takesTensorCores;
        _matVec = new(matVec);
        _matMul = new(matMul);
        _tensor = new(tensor);
        _gather = new(gather);
        _piece = piece;
    }

    /// <summary>Kernels of a quantized format.</summary>
    public static FormatKernels Quantized<TFormat>(DeviceMemory device)
        where TFormat : struct, IChunkFormat => new(
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, InputView, ArrayView<float>, int, int, int>(
                MatVecKernels.Quantized<TFormat>, LaunchBounds.Of(accelerator, typeof(MatVecKernels)))),
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, InputView, int, ArrayView<float>, int, int>(
                MatMulKernels.Quantized<TFormat>, LaunchBounds.Of(accelerator, typeof(MatMulKernels)))),
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, InputView, int, ArrayView<float>, int, int>(
                TensorKernels.Quantized<TFormat>, LaunchBounds.Of(accelerator, typeof(TensorKernels)))),
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, ArrayView<int>, ArrayView<float>, int, int, float>(
                GatherKernels.Quantized<TFormat>, LaunchBounds.Of(accelerator, typeof(GatherKernels)))),
            piece: 32, takesTensorCores: device.HasTensorCores);

    /// <summary>Kernels of a floating-point format. F32 stays with products of floats: it is there to be exact.</summary>
    public static FormatKernels Float<TFormat>(DeviceMemory device)
        where TFormat : struct, IFloatFormat => new(
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, InputView, ArrayView<float>, int, int, int>(
                MatVecKernels.Float<TFormat>, LaunchBounds.Of(accelerator, typeof(MatVecKernels)))),
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, InputView, int, ArrayView<float>, int, int>(
                MatMulKernels.Float<TFormat>, LaunchBounds.Of(accelerator, typeof(MatMulKernels)))),
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, InputView, int, ArrayView<float>, int, int>(
                TensorKernels.Float<TFormat>, LaunchBounds.Of(accelerator, typeof(TensorKernels)))),
            () => device.Compile(accelerator => accelerator.LoadKernel<MatrixView, ArrayView<int>, ArrayView<float>, int, int, float>(
                GatherKernels.Float<TFormat>, LaunchBounds.Of(accelerator, typeof(GatherKernels)))),
            piece: 8, takesTensorCores: device.HasTensorCores && typeof(TFormat) != typeof(F32Format));

    /// <summary>Queues the product for few tokens.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="threads">Threads of a group.</param>
    /// <param name="m">Weights.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="first">Where the results start within a token's.</param>
    public void MatVec(AcceleratorStream stream, int threads, MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride,
        int first)
    {
        // A thread takes at least one unit of work; more lanes than units would idle.
        int units = m.Chunks * (32 / _piece);
        int lanes = 1;
        while (lanes < 32 && lanes < units) lanes *= 2;
        int rowsPerGroup = MatVecKernels.Rows * (threads / lanes);
        _matVec.Value(stream, Grid(Pieces(m.Rows, rowsPerGroup), tokens, threads), m, x, output, stride, first, lanes);
    }

    /// <summary>Queues the product for many tokens: on tensor cores where the device has them and there are tokens enough to fill half a
    /// tile.</summary>
    /// <inheritdoc cref="MatVec"/>
    public void MatMul(AcceleratorStream stream, MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride, int first)
    {
        if (_takesTensorCores && tokens > TensorKernels.Tile / 2) TensorMatMul(stream, m, x, tokens, output, stride, first);
        else TiledMatMul(stream, m, x, tokens, output, stride, first);
    }

    /// <summary>Queues <see cref="MatMulKernels"/>.</summary>
    /// <inheritdoc cref="MatVec"/>
    public void TiledMatMul(AcceleratorStream stream, MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride,
        int first) =>
        _matMul.Value(
            stream, Grid(Pieces(m.Rows, MatMulKernels.Tile), Pieces(tokens, MatMulKernels.Tile), MatMulKernels.Threads), m, x, tokens,
            output, stride, first);

    /// <summary>Queues <see cref="TensorKernels"/>; the device has warps of 32.</summary>
    /// <inheritdoc cref="MatVec"/>
    public void TensorMatMul(AcceleratorStream stream, MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride,
        int first) =>
        _tensor.Value(
            stream, Grid(Pieces(m.Rows, TensorKernels.Tile), Pieces(tokens, TensorKernels.Tile), TensorKernels.Threads), m, x, tokens,
            output, stride, first);

    /// <summary>Queues the lookup of embeddings.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="threads">Threads of a group.</param>
    /// <param name="m">Embeddings.</param>
    /// <param name="ids">Token ids.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token to the next.</param>
    /// <param name="width">Elements of a token.</param>
    /// <param name="factor">Factor of all elements.</param>
    public void Gather(
        AcceleratorStream stream, int threads, MatrixView m, ArrayView<int> ids, int tokens, ArrayView<float> output, int stride, int width,
        float factor) =>
        _gather.Value(stream, Grid(Pieces(m.Chunks * (32 / _piece), threads), tokens, threads), m, ids, output, stride, width, factor);

    private static KernelConfig Grid(int x, int y, int threads) => new(new Index3D(x, y, 1), new Index3D(threads, 1, 1));

    private static int Pieces(int all, int each) => (all + each - 1) / each;
}
