namespace QuantBench.Results.Store;

/// <summary>One figure of one cell in one run, as a trend takes it.</summary>
/// <param name="RunId">The run.</param>
/// <param name="StartedMs">Start of the run, milliseconds since 1970 UTC.</param>
/// <param name="MachineId">The machine.</param>
/// <param name="Host">Its host name.</param>
/// <param name="CellId">The cell: the same in every run that measures it.</param>
/// <param name="Model">Model id.</param>
/// <param name="Variant">Variant id.</param>
/// <param name="Backend">Backend id.</param>
/// <param name="Workload">Workload name.</param>
/// <param name="Settings">Settings as canonical JSON.</param>
/// <param name="Value">The figure.</param>
/// <param name="Error">Its standard error; null for timings.</param>
/// <param name="CiLow">Low end of its 95 % interval.</param>
/// <param name="CiHigh">High end.</param>
/// <param name="N">Number of observations.</param>
/// <param name="Protocol">Protocol id of a quality figure.</param>
/// <param name="IsDisturbed">Whether other work on the machine is in the figure.</param>
/// <param name="Launches">Worker processes that the figure and its interval come from.</param>
public readonly record struct SeriesRow(
    string RunId, long StartedMs, string MachineId, string Host, string CellId, string Model, string Variant, string Backend,
    string Workload, string Settings,
    double Value, double? Error, double? CiLow, double? CiHigh, long? N, string? Protocol, bool IsDisturbed = false,
    int Launches = 1);
