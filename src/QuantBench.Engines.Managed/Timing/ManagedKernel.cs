using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Threads;
using QuantBench.Inference.Kernels;

namespace QuantBench.Engines.Managed.Timing;

/// <summary>One kernel over all threads, with the tasks and the order of steps that the transformer gives it.</summary>
internal sealed unsafe class ManagedKernel : IKernel, IParallelWork
{
    // As the transformer cuts its products: panels of rows for several tokens, eight tasks a worker for one.
    private const int PanelRows = 64;
    private const int PieceColumns = 1024;

    private readonly KernelSpec _spec;
    private readonly KernelSet _kernels;
    private readonly WorkerPool _pool;
    private readonly WorkerScratch[] _scratch;
    private readonly TimedWeights _weights;
    private readonly Activations _inputs;
    private readonly NativeBuffer[] _outputs;
    private readonly int _outputLength;
    private readonly bool _quantizes;
    private WeightMatrix _current;
    private float* _output;
    private int _next;

    /// <param name="spec">The kernel.</param>
    /// <param name="kernels">Its instruction set.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="coldBytes">Bytes that cold weights exceed.</param>
    public ManagedKernel(KernelSpec spec, KernelSet kernels, int threads, long coldBytes)
    {
        (_spec, _kernels) = (spec, kernels);
        // The inner product alone and decoding read the file's layout; products of a model read the kernels' own.
        _weights = new TimedWeights(spec, kernels, repack: spec.Op is KernelOp.MatVec or KernelOp.MatMat, coldBytes);
        _current = _weights.Next();
        _outputLength = checked((int)(spec.Op == KernelOp.Dequantize ? spec.Size.Elements : (long)spec.Tokens * spec.Size.Rows));
        long outputBytes = (long)_outputLength * sizeof(float);
        // Decoded weights go to memory as those read come from it; a product's results are small and stay near, as in a model.
        int outputs = spec is { Cold: true, Op: KernelOp.Dequantize } ? (int)Math.Max(2, (coldBytes / outputBytes) + 1) : 1;
        _outputs = [.. Enumerable.Range(0, outputs).Select(_ => new NativeBuffer(outputBytes))];
        _output = _outputs[0].As<float>();
        _inputs = new Activations(spec.Tokens, spec.Size.Columns);
        var random = new Random(1);
        for (int t = 0; t < spec.Tokens; t++)
        {
            for (int i = 0; i < spec.Size.Columns; i++)
                _inputs.Values[((long)t * _inputs.Stride) + i] = (float)((2 * random.NextDouble()) - 1);
            if (kernels.UsesQuantizedInputs(spec.Type)) kernels.Quantize(_inputs, t, 0, spec.Size.Columns);
        }

        _quantizes = spec.Op is KernelOp.MatVec or KernelOp.MatMat && kernels.UsesQuantizedInputs(spec.Type);
        _scratch = [.. Enumerable.Range(0, threads).Select(_ => new WorkerScratch(spec.Size.Columns, 0))];
        _pool = new WorkerPool(threads);
    }

    /// <inheritdoc />
    public ReadOnlySpan<float> Output => new(_output, _outputLength);

    /// <inheritdoc />
    public void Run()
    {
        _current = _weights.Next();
        _output = _outputs[_next].As<float>();
        _next = _next + 1 == _outputs.Length ? 0 : _next + 1;
        _pool.Run(this);
    }

    /// <inheritdoc />
    public void Execute(int worker)
    {
        if (_quantizes)
        {
            Quantize();
            _pool.Barrier();
        }

        int rows = _spec.Size.Rows;
        int chunk = _spec.Tokens > 1 ? PanelRows : Math.Clamp(rows / (_pool.Size * 8) / 16 * 16, 16, 1024);
        for (int first = _pool.Take() * chunk; first < rows; first = _pool.Take() * chunk)
        {
            int count = Math.Min(chunk, rows - first);
            if (_spec.Op == KernelOp.Dequantize) Decode(first, count);
            else _kernels.Multiply(_current, first, count, _inputs, _spec.Tokens, _output, rows, _scratch[worker]);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _pool.Dispose();
        foreach (WorkerScratch scratch in _scratch) scratch.Dispose();
        _inputs.Dispose();
        foreach (NativeBuffer output in _outputs) output.Dispose();
        _weights.Dispose();
    }

    private void Quantize()
    {
        int columns = _spec.Size.Columns;
        int pieces = (columns + PieceColumns - 1) / PieceColumns;
        for (int task = _pool.Take(); task < pieces * _spec.Tokens; task = _pool.Take())
        {
            int first = task % pieces * PieceColumns;
            _kernels.Quantize(_inputs, task / pieces, first, Math.Min(PieceColumns, columns - first));
        }
    }

    private void Decode(int first, int count)
    {
        int columns = _spec.Size.Columns;
        for (int row = first; row < first + count; row++) _kernels.Decode(_current, row, 0, columns, _output + ((long)row * columns));
    }
}
