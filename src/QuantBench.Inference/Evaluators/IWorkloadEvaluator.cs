using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>Measures one workload on any engine. One class per workload, one line in <see cref="EvaluatorTable"/>.</summary>
public interface IWorkloadEvaluator
{
    /// <summary>Workload name, e.g. <c>perplexity</c>.</summary>
    string Workload { get; }

    /// <summary>Whether the cell's engine has the ability that this workload needs, and can run the cell by it.</summary>
    /// <param name="context">The cell.</param>
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">The artifact is broken.</exception>
    Support CanRun(EvaluationContext context);

    /// <summary>Measures. Synchronous: a timed loop must not hop threads.</summary>
    /// <param name="context">What to measure, with what.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">It can't be measured; the message says why.</exception>
    EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken);
}

/// <summary>What an evaluator works with.</summary>
public sealed record EvaluationContext
{
    private readonly Artifact? _artifact;

    /// <summary>The cell.</summary>
    public required Cell Cell { get; init; }

    /// <summary>The artifact to run; workloads that run no model, and models that servers have, have none and don't ask.</summary>
    public Artifact Artifact
    {
        get => _artifact ?? throw new InvalidOperationException($"{Cell.Workload} has no artifact");
        init => _artifact = value;
    }

    /// <summary>The engine; the device is <c>Cell.Backend.Device</c>.</summary>
    public required IEngine Engine { get; init; }

    /// <summary>The tokenized evaluation text, for quality workloads.</summary>
    public EvaluationText? Text { get; init; }

    /// <summary>The items, for a task.</summary>
    public TaskInput? Task { get; init; }

    /// <summary>File of reference log-probabilities to read, for divergence.</summary>
    public string? ReferencePath { get; init; }

    /// <summary>Memory bandwidth of this machine in bytes per second, for kernels; null when it wasn't measured.</summary>
    public double? MemoryBandwidth { get; init; }

    /// <summary>Folder for files that the cell leaves beside its result; null = none. Made by who writes the first one.</summary>
    public string? OutputFolder { get; init; }

    /// <summary>The server to speak to, as a device with its address: the cell's backend only names a server that the run started.
    /// Null where the cell has none.</summary>
    public string? ServerDevice { get; init; }

    /// <summary>Worker processes that measure the cell, this one among them: each makes its share of the repetitions.</summary>
    public int Launches { get; init; } = 1;

    /// <summary>Number of this one of them, from 1.</summary>
    public int Launch { get; init; } = 1;

    /// <summary>The one clock.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>Reads the process's and machine's state.</summary>
    public required IMachineProbe Machine { get; init; }

    /// <summary>Receives progress lines for the user.</summary>
    public required IProgress<EvaluationProgress> Progress { get; init; }
}

/// <summary>How far an evaluation is.</summary>
/// <param name="Phase">What it does now: <c>load</c>, <c>warm-up</c>, <c>measure</c>, <c>chunks</c>.</param>
/// <param name="Done">Units finished.</param>
/// <param name="Total">Units in all; 0 when unknown.</param>
/// <param name="Detail">The figure so far, e.g. <c>PPL 38.02</c>; may be empty.</param>
public readonly record struct EvaluationProgress(string Phase, long Done, long Total, string Detail);

/// <summary>A tokenized text with what identifies it.</summary>
public sealed record EvaluationText
{
    /// <summary>Dataset name as the suite gave it.</summary>
    public required string Dataset { get; init; }

    /// <summary>Token ids of the whole text, without special tokens.</summary>
    public required ReadOnlyMemory<int> Tokens { get; init; }

    /// <summary>Bytes of text each token stands for; same length as <see cref="Tokens"/>.</summary>
    public required ReadOnlyMemory<ushort> TokenBytes { get; init; }

    /// <summary>SHA-256 of the text.</summary>
    public required string TextSha256 { get; init; }

    /// <summary>SHA-256 of the tokenizer's definition.</summary>
    public required string TokenizerSha256 { get; init; }

    /// <summary>BOS token that is put before the text and then in place of each chunk's first token; null when the model's tokenizer adds
    /// none.</summary>
    public int? BosToken { get; init; }
}

/// <summary>What an evaluator found.</summary>
public sealed record EvaluationResult
{
    /// <summary>The measurements.</summary>
    public required ImmutableArray<Measurement> Metrics { get; init; }

    /// <summary>Marks on the cell.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>Facts that identify the answer: protocol, device really used, build.</summary>
    public ImmutableSortedDictionary<string, string> Provenance { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>State of the machine while measuring.</summary>
    public ImmutableSortedDictionary<string, double> Conditions { get; init; } = ImmutableSortedDictionary<string, double>.Empty;
}

/// <summary>Reads the state of this process and machine; what the OS doesn't tell is null.</summary>
public interface IMachineProbe
{
    /// <summary>Resident memory of this process in bytes.</summary>
    long? ResidentBytes();

    /// <summary>Largest resident memory of this process so far in bytes: the kernel's own figure.</summary>
    long? PeakResidentBytes();

    /// <summary>Temperatures (°C), frequencies (MHz), throttle counts and the load that other processes put on the machine, by
    /// name.</summary>
    ImmutableSortedDictionary<string, double> Conditions();

    /// <summary>What disturbed this process since the previous call; null at the first one, and where the OS doesn't tell.</summary>
    Interference? NextInterference() => null;

    /// <summary>What the cores did since the previous call that gave an answer; null where the OS doesn't tell, and when less time has
    /// passed.</summary>
    /// <param name="least">Shortest span that is wanted.</param>
    CoreUse? NextCores(TimeSpan least) => null;

    /// <summary>Memory of this machine that this process may use, limits of containers counted, in bytes; null = not known.</summary>
    long? MemoryBytes => null;

    /// <summary>Where the machine's energy counters stand.</summary>
    /// <param name="devices">Whether the work is done on a device other than the processors.</param>
    EnergyReading Energy(bool devices) => EnergyReading.None("energy isn't read here");

    /// <summary>Logical cores this process may use.</summary>
    int UsableCores { get; }
}
