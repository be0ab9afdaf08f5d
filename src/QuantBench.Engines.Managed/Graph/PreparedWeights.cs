using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>A model's weights, laid out as the kernels want them.</summary>
/// <param name="file">A file that can be run; disposed with this.</param>
internal sealed class PreparedWeights(IModelFile file) : ModelWeights(file)
{
    private List<NativeBuffer> _repacked = [];
    private long _replacedBytes;

    /// <inheritdoc />
    public override long MemoryBytes => base.MemoryBytes - _replacedBytes + _repacked.Sum(buffer => buffer.Bytes);

    /// <summary>Lays matrices out; called once.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="cancellationToken">Stops between matrices.</param>
    public unsafe void Repack(KernelSet kernels, int threads, CancellationToken cancellationToken)
    {
        WeightMatrix[] matrices =
        [
            Head, .. Layers.SelectMany(layer => layer.Linears).Select(linear => linear.Weights),
        ];
        matrices = [.. matrices.Where(matrix => matrix.Source is null)];
        _repacked = Repacker.Run(kernels, matrices, threads, cancellationToken);
        _replacedBytes = matrices.Where(matrix => matrix.Repacked is not null).Sum(matrix => matrix.RowBytes * matrix.Rows);
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        foreach (NativeBuffer buffer in _repacked) buffer.Dispose();
        base.Dispose(disposing);
    }
}
