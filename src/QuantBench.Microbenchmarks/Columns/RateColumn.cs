using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using QuantBench.Microbenchmarks.Kernels;

namespace QuantBench.Microbenchmarks.Columns;

/// <summary>A figure of a kernel that follows from its median time.</summary>
/// <param name="name">Head of the column.</param>
/// <param name="legend">What it says.</param>
/// <param name="rate">The figure from the kernel and the seconds of one run; null where it means nothing.</param>
/// <param name="format">How it is printed.</param>
internal sealed class RateColumn(string name, string legend, Func<KernelCase, double, double?> rate, string format) : IColumn
{
    /// <summary>Columns of kernels.</summary>
    /// <param name="memoryBandwidth">Bytes per second that this machine's memory was measured at.</param>
    public static IColumn[] All(double memoryBandwidth) =>
    [
        new RateColumn("GB/s", "Bytes the kernel must read and write, each once, per second (10⁹)", (k, s) => k.Spec.Bytes / s / 1e9,
            "0.00"),
        new RateColumn("GFLOP/s", "Two operations per weight and token, per second (10⁹)",
            (k, s) => k.Spec.Operations > 0 ? k.Spec.Operations / s / 1e9 : null, "0.0"),
        new RateColumn(
            "% of memory",
            string.Create(CultureInfo.InvariantCulture,
                $"GB/s of the {memoryBandwidth / 1e9:0.0} GB/s that this machine's memory was measured at"),
            (k, s) => k.Spec.Tokens == 1 ? k.Spec.Bytes / s / memoryBandwidth * 100 : null, "0.0"),
    ];

    /// <inheritdoc/>
    public string Id => $"{nameof(RateColumn)}.{name}";

    /// <inheritdoc/>
    public string ColumnName => name;

    /// <inheritdoc/>
    public bool AlwaysShow => false;

    /// <inheritdoc/>
    public ColumnCategory Category => ColumnCategory.Custom;

    /// <inheritdoc/>
    public int PriorityInCategory => 0;

    /// <inheritdoc/>
    public bool IsNumeric => true;

    /// <inheritdoc/>
    public UnitType UnitType => UnitType.Dimensionless;

    /// <inheritdoc/>
    public string Legend => legend;

    /// <inheritdoc/>
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, SummaryStyle.Default);

    /// <inheritdoc/>
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
        KernelCase.Of(benchmarkCase) is { } kernel && summary[benchmarkCase]?.ResultStatistics is { } statistics
            && rate(kernel, statistics.Median / 1e9) is { } value
            ? value.ToString(format, CultureInfo.InvariantCulture)
            : "-";

    /// <inheritdoc/>
    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(b => KernelCase.Of(b) is not null);

    /// <inheritdoc/>
    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
}
