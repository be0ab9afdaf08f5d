using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Gates;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Suites;

/// <summary>A validated suite: what to sweep. Made by <see cref="SuiteLoader"/>; inside the program it is trusted.</summary>
public sealed record Suite
{
    /// <summary>The suite's name; part of the run's id. Lower-case letters, digits and dashes.</summary>
    public required string Name { get; init; }

    /// <summary>One or more sentences for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>Path of the file it was read from.</summary>
    public required string File { get; init; }

    /// <summary>The text as it was read, with <c>extends</c> merged; what a run records and resumes from.</summary>
    public required string Text { get; init; }

    /// <summary>The models to sweep.</summary>
    public required ImmutableArray<SuiteModel> Models { get; init; }

    /// <summary>The variants to make of each model.</summary>
    public required ImmutableArray<Variant> Variants { get; init; }

    /// <summary>The engines and devices to run on.</summary>
    public required ImmutableArray<BackendId> Backends { get; init; }

    /// <summary>Servers that the run starts by itself; backends name them.</summary>
    public ImmutableArray<SuiteServer> Servers { get; init; } = [];

    /// <summary>The server that a backend names and the run starts; null when it names none.</summary>
    /// <param name="backend">The backend.</param>
    public SuiteServer? ServerOf(BackendId backend) =>
        backend.Server is { IsDeclared: true } named ? Servers.FirstOrDefault(s => s.Id == named.Url) : null;

    /// <summary>The workloads with their settings; a setting given as a list is already spread into one entry per value.</summary>
    public required ImmutableArray<SuiteWorkload> Workloads { get; init; }

    /// <summary>When not empty: a cell is kept only if one of these matches it.</summary>
    public ImmutableArray<CellRule> Include { get; init; } = [];

    /// <summary>A cell that one of these matches is dropped.</summary>
    public ImmutableArray<CellRule> Exclude { get; init; } = [];

    /// <summary>Limits of each cell.</summary>
    public SuiteLimits Limits { get; init; } = new();

    /// <summary>How importance matrices are computed for variants that want one.</summary>
    public ImatrixOptions Imatrix { get; init; } = new();

    /// <summary>Whether cells of timing workloads of one model and backend are ordered round-robin over variants.</summary>
    public bool Interleave { get; init; }

    /// <summary>Free labels copied to the run.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>When it runs by itself; null = only when asked.</summary>
    public SuiteSchedule? Schedule { get; init; }

    /// <summary>Which machines of a lab run it; null = the server itself.</summary>
    public SuitePlacement? Placement { get; init; }

    /// <summary>Rules the run must keep.</summary>
    public ImmutableArray<GateRule> Gates { get; init; } = [];
}

/// <summary>A model of a suite.</summary>
/// <param name="Id">Its name in results.</param>
/// <param name="Source">Absolute path of a Hugging Face directory, a GGUF file, or an ONNX file or directory;
/// <see cref="ServedSource"/>; or a shape after <see cref="SyntheticPrefix"/>.</param>
public sealed record SuiteModel(string Id, string Source)
{
    /// <summary>Source of a model that servers have and no file here is of: its variants are <c>served:NAME</c>.</summary>
    public const string ServedSource = "served";

    /// <summary>What a source of random weights in a real model's shape begins with; the shape's name follows.</summary>
    public const string SyntheticPrefix = "synthetic:";

    /// <summary>Whether a source is no path but a shape: <c>synthetic:smollm2-135m</c>.</summary>
    /// <param name="source">The source.</param>
    public static bool IsShape(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.StartsWith(SyntheticPrefix, StringComparison.Ordinal);
    }

    /// <summary>Whether servers have it and no file here is of it.</summary>
    public bool IsServed => Source == ServedSource;

    /// <summary>
    /// Arguments of Microsoft Olive's command, which makes an ONNX model of the source first; that model is then what is measured. Null =
    /// the source is measured itself.
    /// </summary>
    public string? Olive { get; init; }

    /// <summary>Whether the run has the server pull variants that it lacks.</summary>
    public bool Pull { get; init; }

    /// <summary>What becomes of its variants on the server behind the last cell.</summary>
    public ServedAfter After { get; init; }
}

/// <summary>A workload of a suite with all of its settings (suite-wide ones merged in).</summary>
/// <param name="Name">Workload name.</param>
/// <param name="Settings">Its settings; only those that apply to the workload.</param>
public sealed record SuiteWorkload(string Name, CellSettings Settings)
{
    /// <summary>Pattern of the ids of the models it is for, with <c>*</c> and <c>?</c>; null = all.</summary>
    public string? Model { get; init; }

    /// <summary>Whether it is for a model.</summary>
    /// <param name="model">Id of the model.</param>
    public bool IsFor(string model) => CellRule.MatchesText(Model, model);

    /// <summary>Whether a cell is of it.</summary>
    /// <param name="cell">The cell.</param>
    public bool Has(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell.Workload == Name && cell.Settings.Equals(Settings) && (!WorkloadTable.Of(cell).RunsModel || IsFor(cell.Model));
    }
}

/// <summary>Limits of each cell of a suite.</summary>
public sealed record SuiteLimits
{
    /// <summary>Wall-clock limit of a cell.</summary>
    public TimeSpan CellTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Limit on the resident memory of a cell's process in bytes; null = none.</summary>
    public long? CellMemoryBytes { get; init; }

    /// <summary>How long a run may wait in all for the machine to be quiet before its timings; 0 = it doesn't wait.</summary>
    public TimeSpan Quiet { get; init; }

    /// <summary>Wall-clock limit for preparing one artifact.</summary>
    public TimeSpan PrepareTimeout { get; init; } = TimeSpan.FromHours(2);
}

/// <summary>How an importance matrix is computed.</summary>
public sealed record ImatrixOptions
{
    /// <summary>Calibration text; never the evaluation text.</summary>
    public string Dataset { get; init; } = "sotu:train";

    /// <summary>Chunks of calibration text; 0 = all.</summary>
    public int Chunks { get; init; } = 64;

    /// <summary>Chunk length in tokens.</summary>
    public int ContextLength { get; init; } = 512;
}
