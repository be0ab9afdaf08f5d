using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace QuantBench.Core.Runs;

/// <summary>Identity of a run: UTC start time, suite and four random hex digits, e.g. <c>20261123-041500-reference-9f3a</c>; also its
/// folder's name.</summary>
/// <param name="Value">The id.</param>
public readonly record struct RunId(string Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>How far a run got.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunStatus>))]
public enum RunStatus
{
    /// <summary>Cells are being measured, or the runner died.</summary>
    [JsonStringEnumMemberName("running")]
    Running,

    /// <summary>Every cell has a result.</summary>
    [JsonStringEnumMemberName("completed")]
    Completed,

    /// <summary>Stopped by the user; <c>quantbench resume</c> goes on.</summary>
    [JsonStringEnumMemberName("interrupted")]
    Interrupted,
}

/// <summary>What <c>run.json</c> holds: one execution of a suite on one machine.</summary>
public sealed record RunInfo
{
    /// <summary>Version of this shape; 1.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>The run's id.</summary>
    public required string Id { get; init; }

    /// <summary>Name of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>The suite's text as it was read, with <c>extends</c> resolved.</summary>
    public required string SuiteText { get; init; }

    /// <summary>Directory that relative paths of the suite start from.</summary>
    public required string SuiteDirectory { get; init; }

    /// <summary>SHA-256 of <see cref="SuiteText"/>.</summary>
    public required string SuiteSha256 { get; init; }

    /// <summary>When it started, UTC.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When the last cell finished, UTC; null while running.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>How far it got.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>Number of cells the suite expands to.</summary>
    public required int CellCount { get; init; }

    /// <summary>The machine and software it ran on.</summary>
    public required Fingerprint Fingerprint { get; init; }

    /// <summary>Free labels, e.g. <c>nightly</c>.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Patterns that the command line narrowed the suite to (<c>--only</c>); empty = every cell.</summary>
    public ImmutableArray<string> Only { get; init; } = [];

    /// <summary>CPU threads that the command line gave to every cell (<c>--threads</c>); null = as the suite says.</summary>
    public int? Threads { get; init; }
}

/// <summary>The machine and software of a run. Unknown facts are null or absent, never guessed.</summary>
public sealed record Fingerprint
{
    /// <summary>Stable id of the machine: a hash of its CPU model, cores, memory and OS machine id; not reversible.</summary>
    public required string MachineId { get; init; }

    /// <summary>Host name.</summary>
    public required string Host { get; init; }

    /// <summary>CPU model as the OS names it.</summary>
    public required string Cpu { get; init; }

    /// <summary>Vector instruction sets .NET can use, e.g. <c>avx2</c>, <c>avx512f</c>.</summary>
    public required ImmutableArray<string> CpuFlags { get; init; }

    /// <summary>Physical cores, if the OS tells.</summary>
    public int? PhysicalCores { get; init; }

    /// <summary>Logical cores this process may use (affinity and container limits applied).</summary>
    public required int LogicalCores { get; init; }

    /// <summary>Frequency governor, e.g. <c>performance</c>.</summary>
    public string? Governor { get; init; }

    /// <summary>Hypervisor or container that could be seen, e.g. <c>kvm</c>, <c>docker</c>.</summary>
    public string? Virtualization { get; init; }

    /// <summary>Installed memory in bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Memory limit of the container in bytes, if there is one.</summary>
    public long? MemoryLimitBytes { get; init; }

    /// <summary>CPU limit of the container in cores, if there is one.</summary>
    public double? CpuLimit { get; init; }

    /// <summary>Memory bandwidth; measured only for runs with kernels, so null in others. It varies, so it is no part of what makes runs
    /// comparable.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MemoryBandwidth? MemoryBandwidth { get; init; }

    /// <summary>OS with version.</summary>
    public required string Os { get; init; }

    /// <summary>Kernel version.</summary>
    public string? Kernel { get; init; }

    /// <summary>GPUs with driver version, one line each.</summary>
    public ImmutableArray<string> Gpus { get; init; } = [];

    /// <summary>.NET runtime version.</summary>
    public required string Runtime { get; init; }

    /// <summary>QuantBench version.</summary>
    public required string QuantBench { get; init; }

    /// <summary>Commit of the checkout QuantBench runs from, with <c>-dirty</c> when files were changed; null outside one.</summary>
    public string? GitCommit { get; init; }

    /// <summary>Engine name → build, e.g. <c>llamacpp</c> → <c>llama.cpp v0.5.0 (…)</c>.</summary>
    public ImmutableSortedDictionary<string, string> Engines { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Dataset name → SHA-256 of the evaluated text.</summary>
    public ImmutableSortedDictionary<string, string> Datasets { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Model id → SHA-256 over its source files.</summary>
    public ImmutableSortedDictionary<string, string> Models { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
