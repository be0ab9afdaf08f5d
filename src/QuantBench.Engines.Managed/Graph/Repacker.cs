using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Engines.Managed.Threads;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>Lays out one matrix after the other for the kernels that will read them, with all threads.</summary>
internal sealed unsafe class Repacker : IParallelWork
{
    // Panels laid out before the file's pages are given back: a large matrix is never resident twice as a whole.
    private const long SliceBytes = 16 << 20;

    private readonly KernelSet _kernels;
    private readonly WorkerPool _pool;
    private readonly WeightMatrix _weights;
    private readonly WorkerScratch[] _scratch;
    private int _first;
    private int _end;

    private Repacker(KernelSet kernels, WorkerPool pool, WeightMatrix weights, WorkerScratch[] scratch) =>
        (_kernels, _pool, _weights, _scratch) = (kernels, pool, weights, scratch);

    /// <summary>Repacks what the kernels want repacked.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="matrices">The matrices; each once.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="cancellationToken">Looked at between matrices.</param>
    /// <returns>The memory; freed when the model is.</returns>
    public static List<NativeBuffer> Run(KernelSet kernels, IReadOnlyCollection<WeightMatrix> matrices, int threads,
        CancellationToken cancellationToken)
    {
        long total = matrices.Sum(matrix => Aligned(kernels.RepackedBytes(matrix)));
        if (total == 0) return [];
        using var pool = new WorkerPool(threads);
        WorkerScratch[] scratch = [
            .. Enumerable.Range(0, threads).Select(_ => new WorkerScratch(matrices.Max(matrix => matrix.Columns), 0))];

        // One buffer for all, so that even small matrices lie on large pages.
        var buffer = new NativeBuffer(total, hugePages: true);
        try
        {
            byte* next = buffer.As<byte>();
            foreach (WeightMatrix matrix in matrices)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long bytes = kernels.RepackedBytes(matrix);
                if (bytes == 0) continue;
                matrix.Repacked = next;
                next += Aligned(bytes);
                new Repacker(kernels, pool, matrix, scratch).Run();
            }

            return [buffer];
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
        finally
        {
            foreach (WorkerScratch item in scratch) item.Dispose();
        }
    }

    /// <summary>Bytes that a matrix takes among others.</summary>
    public static long Aligned(long bytes) => (bytes + 63) / 64 * 64;

    /// <inheritdoc />
    public void Execute(int worker)
    {
        for (int panel = _first + _pool.Take(); panel < _end; panel = _first + _pool.Take())
            _kernels.Repack(_weights, panel, _scratch[worker]);
    }

    private void Run()
    {
        long panelBytes = _weights.RowBytes * IntegerPanels.Rows;
        int panels = _weights.Rows / IntegerPanels.Rows;
        int slice = (int)Math.Max(1, SliceBytes / panelBytes);
        for (_first = 0; _first < panels; _first = _end)
        {
            _end = Math.Min(panels, _first + slice);
            _pool.Run(this);

            // Pages that lie across two slices' border are read again; all of the matrix' own pages are given back at the end.
            ResidentPages.Drop(_weights.Data + (_first * panelBytes), (_end - _first) * panelBytes);
        }

        ResidentPages.Drop(_weights.Data, _weights.RowBytes * _weights.Rows);
    }
}
