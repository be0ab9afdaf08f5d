using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Dashboard.Runs;

namespace QuantBench.Dashboard.Api;

/// <summary>A page of runs.</summary>
/// <param name="Runs">The runs, newest first unless sorted.</param>
/// <param name="Matching">Runs that the filter keeps.</param>
/// <param name="Total">Runs in all.</param>
/// <param name="Page">This page, from 1.</param>
/// <param name="Pages">Number of pages.</param>
internal sealed record RunListAnswer(ImmutableArray<RunListItem> Runs, int Matching, int Total, int Page, int Pages);

/// <summary>A run without its cells.</summary>
/// <param name="Run">What <c>run.json</c> says.</param>
/// <param name="State">How it stands.</param>
/// <param name="Counts">Its cells.</param>
/// <param name="Current">Id of the cell that is being measured; null when none is.</param>
internal sealed record RunAnswer(RunInfo Run, RunState State, RunCounts Counts, string? Current);

/// <summary>A metric of a cell.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Measurement">The measurement, without raw samples.</param>
internal sealed record MeasurementAnswer(Cell Cell, Measurement Measurement);

/// <summary>A run to start.</summary>
/// <param name="Suite">Name of a suite in the suites directory, without <c>.yaml</c>.</param>
/// <param name="Only">Patterns that narrow it.</param>
internal sealed record StartRequest(string Suite, ImmutableArray<string>? Only);

/// <summary>What an upload came to.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="AlreadyThere">Whether the same content was here before.</param>
internal sealed record UploadAnswer(string Run, bool AlreadyThere);

/// <summary>Whether the server is well.</summary>
/// <param name="Status"><c>ok</c> or <c>failing</c>.</param>
/// <param name="Version">Version of this program.</param>
/// <param name="Runs">Runs in the store; null when it can't be read.</param>
/// <param name="Scheduler">Whether this server starts queued runs now.</param>
/// <param name="SchedulerState"><c>on</c>, <c>off</c>, or <c>standby</c> while another server runs the queue.</param>
/// <param name="Problem">Why the store can't be read; null when it can.</param>
internal sealed record HealthAnswer(string Status, string Version, int? Runs, bool Scheduler, string SchedulerState, string? Problem);
