using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Threads;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>Lays out one matrix after the other for the kernels that will read them, with all threads.</summary>
internal sealed unsafe class Repacker : IParallelWork
{
    private readonly KernelSet _kernels;
    private readonly WorkerPool _pool;
    private readonly WeightMatrix _weights;
    private readonly WorkerScratch[] _scratch;

    private Repacker(KernelSet kernels, WorkerPool pool, WeightMatrix weights, WorkerScratch[] scratch) =>
        (_kernels, _pool, _weights, _scratch) = (kernels, pool, weights, scratch);

    /// <summary>Repacks what the kernels want repacked.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="matrices">The matrices; each once.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="cancellationToken">Looked at between matrices.</param>
    /// <returns>The memory; freed when the model is.</returns>
    public static List<NativeBuffer> Run(KernelSet kernels, IReadOnlyCollection<WeightMatrix> matrices, int threads, CancellationToken cancellationToken)
    {
        long total = matrices.Sum(matrix => Aligned(kernels.RepackedBytes(matrix)));
        if (total == 0) return [];
        using var pool = new WorkerPool(threads);
        WorkerScratch[] scratch = [.. Enumerable.Range(0, threads).Select(_ => new WorkerScratch(matrices.Max(matrix => matrix.Columns), 0))];

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
                pool.Run(new Repacker(kernels, pool, matrix, scratch));
                ResidentPages.Drop(matrix.Data, matrix.RowBytes * matrix.Rows);
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

    private static long Aligned(long bytes) => (bytes + 63) / 64 * 64;

    /// <inheritdoc />
    public void Execute(int worker)
    {
        int panels = _weights.Rows / IntegerPanels.Rows;
        for (int panel = _pool.Take(); panel < panels; panel = _pool.Take()) _kernels.Repack(_weights, panel, _scratch[worker]);
    }
}
