using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>Writes a run in one format. To add a format: one class, one line in <see cref="RunExporters"/>.</summary>
public interface IRunExporter
{
    /// <summary>Name as <c>--format</c> takes it, e.g. <c>csv</c>.</summary>
    string Name { get; }

    /// <summary>Writes the run; the stream stays open.</summary>
    /// <param name="run">The run with its cells.</param>
    /// <param name="output">Where to write.</param>
    /// <param name="cancellationToken">Stops writing.</param>
    Task WriteAsync(RunRecord run, Stream output, CancellationToken cancellationToken);
}
