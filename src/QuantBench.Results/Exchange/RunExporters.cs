using System.Collections.Immutable;

namespace QuantBench.Results.Exchange;

/// <summary>Every export format of this room; the Markdown table lives beside the other tables in Analysis.</summary>
public static class RunExporters
{
    /// <summary>All exporters.</summary>
    public static ImmutableArray<IRunExporter> All { get; } = [new JsonExporter(), new CsvExporter(), new ParquetExporter()];

    /// <summary>The exporter of a name, or null.</summary>
    public static IRunExporter? Find(string name) =>
        All.FirstOrDefault(e => string.Equals(e.Name, name, StringComparison.OrdinalIgnoreCase));
}
