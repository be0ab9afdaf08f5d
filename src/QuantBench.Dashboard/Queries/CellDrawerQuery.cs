using System.Collections.Immutable;
using System.Text;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Dashboard.Runs;
using QuantBench.Results.Folders;

namespace QuantBench.Dashboard.Queries;

/// <summary>Gathers a cell's drawer.</summary>
public static class CellDrawerQuery
{
    private const int LogLines = 40;
    private const int LogBytes = 16 << 10;

    /// <summary>The drawer of a cell; null when the run has no result of it.</summary>
    /// <param name="queries">Reads samples.</param>
    /// <param name="run">The run.</param>
    /// <param name="cellId">The cell.</param>
    /// <param name="metric">The chosen metric.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static async Task<CellDrawerView?> LoadAsync(RunQueries queries, RunDetail run, string cellId, string metric,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(run);
        if (run.Cells.FirstOrDefault(c => c.Result.Cell.Id.Value == cellId) is not { } view) return null;
        Measurement? figure = view[metric];
        double[] samples = figure is null ? [] : await queries.SamplesAsync(view.RowId, metric, cancellationToken);
        var others = new List<(string, string)>(view.Result.Metrics.Where(m => m.Name != metric).Select(m => (m.Name, Format.Value(m))));
        Cell cell = view.Result.Cell;
        foreach (string name in MetricTable.Headlines.Select(m => m.Name).Where(n => n != metric && view[n] is null))
        {
            Measurement? found =
                run.Cells.Where(c =>
                    c.Result.Cell is var o && o.Model == cell.Model && o.Variant == cell.Variant && o.Backend == cell.Backend)
                .Select(c => c[name]).FirstOrDefault(m => m is not null);
            if (found is not null) others.Add((name, Format.Value(found)));
        }

        return new CellDrawerView(view.Result, figure, samples, [.. others],
            Tail(Path.Combine(run.Folder, RunFolder.LogsFolder, $"{cell.Id}.log")), Lines(run.Info.Fingerprint));
    }

    /// <summary>A fingerprint line by line; facts that aren't known are left out.</summary>
    public static ImmutableArray<(string Key, string Value)> Lines(Fingerprint f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var lines = new List<(string, string?)>
        {
            ("host", f.Host), ("machine", f.MachineId), ("cpu", f.Cpu), ("cpu flags", string.Join(' ', f.CpuFlags)),
            ("physical cores", f.PhysicalCores?.ToString()),
            ("logical cores", f.LogicalCores.ToString()), ("governor", f.Governor), ("virtualization", f.Virtualization),
            ("memory", Format.Bytes(f.MemoryBytes)),
            ("memory limit", f.MemoryLimitBytes is { } limit ? Format.Bytes(limit) : null),
            ("cpu limit", f.CpuLimit is { } cpus ? Format.Number(cpus) : null),
            ("os", f.Os), ("kernel", f.Kernel), ("gpus", f.Gpus.IsDefaultOrEmpty ? null : string.Join("; ", f.Gpus)),
            ("runtime", f.Runtime), ("quantbench", f.QuantBench), ("commit", f.GitCommit),
        };
        lines.AddRange(f.Engines.Select(e => ("engine " + e.Key, (string?)e.Value)));
        lines.AddRange(f.Datasets.Select(d => ("dataset " + d.Key, (string?)d.Value)));
        lines.AddRange(f.Models.Select(m => ("model " + m.Key, (string?)m.Value)));
        return [.. lines.Where(l => l.Item2 is { Length: > 0 }).Select(l => (l.Item1, l.Item2!))]; // filtered
    }

    private static string? Tail(string path)
    {
        try
        {
            if (!File.Exists(path)) return null;
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            stream.Seek(Math.Max(0, stream.Length - LogBytes), SeekOrigin.Begin);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            string[] lines = reader.ReadToEnd().Split('\n');
            return string.Join('\n', lines.TakeLast(LogLines)).TrimEnd();
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return $"the log can't be read: {e.Message}";
        }
    }
}
