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
        WeightMatrix[] matrices = Matrices();
        _repacked = Repacker.Run(kernels, matrices, threads, cancellationToken);
        _replacedBytes = matrices.Where(matrix => matrix.Repacked is not null).Sum(matrix => matrix.RowBytes * matrix.Rows);
    }

    /// <summary>What <see cref="MemoryBytes"/> will be once matrices are laid out, and how much of it stays in the mapped file.</summary>
    /// <param name="kernels">The kernels.</param>
    public (long All, long Mapped) PlannedBytes(KernelSet kernels)
    {
        WeightMatrix[] copied = [.. Matrices().Where(matrix => kernels.RepackedBytes(matrix) > 0)];
        long mapped = base.MemoryBytes - copied.Sum(matrix => matrix.RowBytes * matrix.Rows);
        return (mapped + copied.Sum(matrix => Repacker.Aligned(kernels.RepackedBytes(matrix))), mapped);
    }

    private WeightMatrix[] Matrices() =>
    [
        .. Layers.SelectMany(layer => layer.Linears).Select(linear => linear.Weights).Prepend(Head).Where(matrix => matrix.Source is null),
    ];

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        foreach (NativeBuffer buffer in _repacked) buffer.Dispose();
        base.Dispose(disposing);
    }
}
