using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Launchers of one format's kernels.</summary>
internal sealed class FormatKernels
{
    private readonly Launcher<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, ArrayView<float>, int, int, int>> _matVec;
    private readonly Launcher<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, ArrayView<int>, int, int, ArrayView<float>,
        int, int, int>> _experts;
    private readonly Launcher<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, int, ArrayView<float>, int, int>> _matMul;
    private readonly Launcher<Action<AcceleratorStream, KernelConfig, MatrixView, InputView, int, ArrayView<float>, int, int>> _tensor;
    private readonly Launcher<Action<AcceleratorStream, KernelConfig, MatrixView, ArrayView<int>, ArrayView<float>, int, int, float>>
        _gather;
    private readonly int _piece;
    private readonly bool _takesTensorCores;

    private FormatKernels(
        DeviceMemory device, Action<MatrixView, InputView, ArrayView<float>, int, int, int> matVec,
        Action<MatrixView, InputView, ArrayView<int>, int, int, ArrayView<float>, int, int, int> experts,
        Action<MatrixView, InputView, int, ArrayView<float>, int, int> matMul,
        Action<MatrixView, InputView, int, ArrayView<float>, int, int> tensor,
        Action<MatrixView, ArrayView<int>, ArrayView<float>, int, int, float> gather, int piece, bool takesTensorCores)
    {
        _takesTensorCores = takesTensorCores;
        _matVec = new(device, matVec);
        _experts = new(device, experts);
        _matMul = new(device, matMul);
        _tensor = new(device, tensor);
        _gather = new(device, gather);
        _piece = piece;
    }

    /// <summary>Kernels of a quantized format.</summary>
    public static FormatKernels Quantized<TFormat>(DeviceMemory device)
        where TFormat : struct, IChunkFormat => new(
            device, MatVecKernels.Quantized<TFormat>, ExpertKernels.Quantized<TFormat>, MatMulKernels.Quantized<TFormat>,
            TensorKernels.Quantized<TFormat>, GatherKernels.Quantized<TFormat>, piece: 32, takesTensorCores: device.HasTensorCores);

    /// <summary>Kernels of a floating-point format. F32 stays with products of floats: it is there to be exact.</summary>
    public static FormatKernels Float<TFormat>(DeviceMemory device)
        where TFormat : struct, IFloatFormat => new(
            device, MatVecKernels.Float<TFormat>, ExpertKernels.Float<TFormat>, MatMulKernels.Float<TFormat>, TensorKernels.Float<TFormat>,
            GatherKernels.Float<TFormat>, piece: 8, takesTensorCores: device.HasTensorCores && typeof(TFormat) != typeof(F32Format));

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
        int lanes = Lanes(m);
        int rowsPerGroup = MatVecKernels.Rows * (threads / lanes);
        _matVec.Queue(stream, Grid(Pieces(m.Rows, rowsPerGroup), tokens, threads), m, x, output, stride, first, lanes);
    }

    /// <summary>Queues the products of each slot's expert.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="threads">Threads of a group.</param>
    /// <param name="m">All experts of a layer.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="chosen">[slots]: which expert.</param>
    /// <param name="slots">Number of slots.</param>
    /// <param name="rows">Rows of an expert.</param>
    /// <param name="share">Slots that read the same inputs.</param>
    /// <param name="output">[slots, rowStride].</param>
    /// <param name="rowStride">Floats from one slot's results to the next one's.</param>
    /// <param name="first">Where the results start within a slot's.</param>
    public void Experts(AcceleratorStream stream, int threads, MatrixView m, InputView x, ArrayView<int> chosen, int slots, int rows,
        int share, ArrayView<float> output, int rowStride, int first)
    {
        int lanes = Lanes(m);
        int rowsPerGroup = MatVecKernels.Rows * (threads / lanes);
        _experts.Queue(stream, Grid(Pieces(rows, rowsPerGroup), slots, threads), m, x, chosen, rows, share, output, rowStride, first,
            lanes);
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
        _matMul.Queue(
            stream, Grid(Pieces(m.Rows, MatMulKernels.Tile), Pieces(tokens, MatMulKernels.Tile), MatMulKernels.Threads), m, x, tokens,
            output, stride, first);

    /// <summary>Queues <see cref="TensorKernels"/>; the device has warps of 32.</summary>
    /// <inheritdoc cref="MatVec"/>
    public void TensorMatMul(AcceleratorStream stream, MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride,
        int first) =>
        _tensor.Queue(
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
        _gather.Queue(stream, Grid(Pieces(m.Chunks * (32 / _piece), threads), tokens, threads), m, ids, output, stride, width, factor);

    /// <summary>A thread takes at least one unit of work; more lanes than units would idle.</summary>
    private int Lanes(MatrixView m)
    {
        int units = m.Chunks * (32 / _piece), lanes = 1;
        while (lanes < 32 && lanes < units) lanes *= 2;
        return lanes;
    }

    private static KernelConfig Grid(int x, int y, int threads) => new(new Index3D(x, y, 1), new Index3D(threads, 1, 1));

    private static int Pieces(int all, int each) => (all + each - 1) / each;
}
