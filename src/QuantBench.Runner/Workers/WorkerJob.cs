using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;

namespace QuantBench.Runner.Workers;

/// <summary>What a worker does.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<WorkerJobKind>))]
public enum WorkerJobKind
{
    /// <summary>Says an engine's build and devices.</summary>
    [JsonStringEnumMemberName("probe")]
    Probe,

    /// <summary>Measures one cell.</summary>
    [JsonStringEnumMemberName("cell")]
    Cell,

    /// <summary>Says what must be built for the artifacts of a model.</summary>
    [JsonStringEnumMemberName("plan")]
    Plan,

    /// <summary>Builds one artifact.</summary>
    [JsonStringEnumMemberName("prepare")]
    Prepare,

    /// <summary>Computes reference log-probabilities for divergence.</summary>
    [JsonStringEnumMemberName("reference")]
    Reference,

    /// <summary>Measures the machine's memory bandwidth.</summary>
    [JsonStringEnumMemberName("bandwidth")]
    Bandwidth,

    /// <summary>Opens an engine's tokenizer of a model file, and tokenizes a text with it.</summary>
    [JsonStringEnumMemberName("tokenize")]
    Tokenize,

    /// <summary>Has a server pull the cell's model.</summary>
    [JsonStringEnumMemberName("pull")]
    Pull,

    /// <summary>Has a server unload the cell's model.</summary>
    [JsonStringEnumMemberName("unload")]
    Unload,

    /// <summary>Has a server unload and delete the cell's model.</summary>
    [JsonStringEnumMemberName("delete")]
    Delete,
}

/// <summary>
/// What a worker is told: one JSON line on its standard input. The shapes here hold plain values only, so that the serializer's code is
/// made at build time: reflection would cost every cell a tenth of a second. Optional members have setters, because that code gives
/// init-only ones null instead of their default when the JSON lacks them.
/// </summary>
public sealed record WorkerJob
{
    /// <summary>What to do.</summary>
    public required WorkerJobKind Kind { get; init; }

    /// <summary>Root of the installation.</summary>
    public required string Root { get; init; }

    /// <summary>Directories of native libraries that the user named, by engine.</summary>
    public Dictionary<string, string> NativeDirectories { get; set; } = [];

    /// <summary>Engine to use; for builds, empty.</summary>
    public string Engine { get; set; } = "";

    /// <summary>The cell, for <see cref="WorkerJobKind.Cell"/> and <see cref="WorkerJobKind.Reference"/>.</summary>
    public WorkerCell? Cell { get; set; }

    /// <summary>Worker processes that measure the cell, this one among them.</summary>
    public int Launches { get; set; } = 1;

    /// <summary>Number of this one of them, from 1.</summary>
    public int Launch { get; set; } = 1;

    /// <summary>The artifact to run; null for workloads that run no model.</summary>
    public WorkerArtifact? Artifact { get; set; }

    /// <summary>Evaluation text.</summary>
    public WorkerText? Text { get; set; }

    /// <summary>Items of a task.</summary>
    public WorkerItems? Items { get; set; }

    /// <summary>File of reference log-probabilities: read by a cell, written by <see cref="WorkerJobKind.Reference"/>.</summary>
    public string? ReferencePath { get; set; }

    /// <summary>Other cells that are measured in the same pass.</summary>
    public WorkerPart[] Others { get; set; } = [];

    /// <summary>Memory bandwidth in bytes per second, for kernels.</summary>
    public double? MemoryBandwidth { get; set; }

    /// <summary>Where the server is that the run started for the cell, as a device; null when it needs none.</summary>
    public string? ServerDevice { get; set; }

    /// <summary>Folder for files that the cell leaves beside its result; null = none.</summary>
    public string? OutputFolder { get; set; }

    /// <summary>The build, for <see cref="WorkerJobKind.Prepare"/> and <see cref="WorkerJobKind.Plan"/>.</summary>
    public WorkerBuild? Build { get; set; }

    /// <summary>The tokenizer and text, for <see cref="WorkerJobKind.Tokenize"/>.</summary>
    public WorkerTokenize? Tokenize { get; set; }
}

/// <summary>A cell that is measured together with another one.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="ReferencePath">File of reference log-probabilities that it reads.</param>
public sealed record WorkerPart(WorkerCell Cell, string? ReferencePath);

/// <summary>A cell as plain values.</summary>
/// <param name="Model">Id of the model.</param>
/// <param name="Variant">Variant id.</param>
/// <param name="Backend">Backend id.</param>
/// <param name="Workload">Workload name.</param>
/// <param name="Settings">Its settings.</param>
public sealed record WorkerCell(string Model, string Variant, string Backend, string Workload, Dictionary<string, JsonElement> Settings)
{
    /// <summary>A cell as plain values.</summary>
    public static WorkerCell Of(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        using JsonDocument settings = JsonDocument.Parse(cell.Settings.ToString());
        return new WorkerCell(
            cell.Model, cell.Variant.Id, cell.Backend.ToString(), cell.Workload,
            settings.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone()));
    }

    /// <summary>The cell; has the same id as the one it was made of.</summary>
    /// <exception cref="FormatException">A value isn't one that <see cref="Of"/> writes.</exception>
    public Cell ToCell()
    {
        if (!BackendId.TryParse(Backend, out BackendId backend)) throw new FormatException($"'{Backend}' is not engine/device");
        CellSettings settings = CellSettings.Empty;
        foreach ((string key, JsonElement value) in Settings)
        {
            settings = settings.With(key, value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.String => value.GetString() ?? "",
                // -0 is no whole number: read as one it would lose its sign, and the cell its id.
                JsonValueKind.Number => value.TryGetInt64(out long whole) && value.GetRawText() != "-0" ? whole : value.GetDouble(),
                _ => throw new FormatException($"setting '{key}' must be a scalar"),
            });
        }

        return new Cell(Model, Core.Variants.Variant.Parse(Variant), backend, Workload, settings);
    }
}

/// <summary>An artifact as plain values.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Variant">Variant id.</param>
/// <param name="Sha256">SHA-256 of the content.</param>
/// <param name="Bytes">Bytes of all its files.</param>
/// <param name="WeightBytes">Bytes of all tensors.</param>
/// <param name="ParameterCount">Number of weights.</param>
public sealed record WorkerArtifact(string Path, string Variant, string Sha256, long Bytes, long WeightBytes, long ParameterCount)
{
    /// <summary>An artifact as plain values.</summary>
    public static WorkerArtifact Of(Artifact artifact)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        return new WorkerArtifact(artifact.Path, artifact.Variant.Id, artifact.Sha256, artifact.Bytes, artifact.WeightBytes,
            artifact.ParameterCount);
    }

    /// <summary>The artifact.</summary>
    public Artifact ToArtifact() => new(Path, Core.Variants.Variant.Parse(Variant), Sha256, Bytes, WeightBytes, ParameterCount);
}

/// <summary>An evaluation text.</summary>
/// <param name="Dataset">Name as the suite gave it.</param>
/// <param name="TokensPath">Path of its token file.</param>
public sealed record WorkerText(string Dataset, string TokensPath);

/// <summary>Items of a task.</summary>
/// <param name="SetPath">Path of the stored set.</param>
/// <param name="TokensPath">Path of their tokens; null where nothing here says how a text is tokenized.</param>
public sealed record WorkerItems(string SetPath, string? TokensPath);

/// <summary>What to tokenize.</summary>
/// <param name="ModelPath">The model file with the vocabulary.</param>
/// <param name="TextPath">UTF-8 text; null = only the tokenizer is asked for.</param>
/// <param name="TextSha256">SHA-256 of the text.</param>
/// <param name="OutputPath">Where the token file goes.</param>
public sealed record WorkerTokenize(string ModelPath, string? TextPath, string? TextSha256, string? OutputPath)
{
    /// <summary>A stored set of items; null = none.</summary>
    public string? SetPath { get; set; }
}

/// <summary>What identifies a tokenizer's ids.</summary>
/// <param name="Sha256">SHA-256 of everything that decides them.</param>
/// <param name="BosToken">BOS token that it puts in front of a text; null when it adds none.</param>
public sealed record WorkerTokenizer(string Sha256, int? BosToken);

/// <summary>A build as plain values.</summary>
public sealed record WorkerBuild
{
    /// <summary>Name of the builder; empty when planning.</summary>
    public string Builder { get; set; } = "";

    /// <summary>What to make, or to plan.</summary>
    public required string[] ArtifactNames { get; init; }

    /// <summary>What the source is.</summary>
    public required SourceKind SourceKind { get; init; }

    /// <summary>Path of the source.</summary>
    public required string SourcePath { get; init; }

    /// <summary>Its files.</summary>
    public required string[] SourceFiles { get; init; }

    /// <summary>SHA-256 over its files.</summary>
    public required string SourceSha256 { get; init; }

    /// <summary>Artifact name → path of every input.</summary>
    public Dictionary<string, string> Inputs { get; set; } = [];

    /// <summary>Where to write; empty when planning.</summary>
    public string OutputPath { get; set; } = "";

    /// <summary>Calibration text; null when none is needed.</summary>
    public CalibrationText? Calibration { get; set; }

    /// <summary>CPU threads.</summary>
    public int Threads { get; set; } = 1;

    /// <summary>The model source.</summary>
    public ModelSource ToSource() => new(SourceKind, SourcePath, [.. SourceFiles], SourceSha256);
}

/// <summary>What a worker says last: one JSON line on its standard output.</summary>
public sealed record WorkerResult
{
    /// <summary>Why the job can't be done here; null when it was done.</summary>
    public string? Unsupported { get; set; }

    /// <summary>Why this cell failed while the others of its pass went on; null when it didn't.</summary>
    public string? Failed { get; set; }

    /// <summary>The other cells of the pass, in the job's order.</summary>
    public WorkerResult[] Others { get; set; } = [];

    /// <summary>The measurements of a cell.</summary>
    public Measurement[] Metrics { get; set; } = [];

    /// <summary>Marks on the cell.</summary>
    public string[] Notes { get; set; } = [];

    /// <summary>Facts that identify the answer.</summary>
    public Dictionary<string, string> Provenance { get; set; } = [];

    /// <summary>State of the machine while measuring.</summary>
    public Dictionary<string, double> Conditions { get; set; } = [];

    /// <summary>The file a build made.</summary>
    public BuiltArtifact? Built { get; set; }

    /// <summary>How artifacts would be built, by name, with everything they start from.</summary>
    public Dictionary<string, PlannedArtifact> Plans { get; set; } = [];

    /// <summary>Build of the engine that was probed.</summary>
    public string? EngineBuild { get; set; }

    /// <summary>Why it is this build.</summary>
    public string? EngineChoice { get; set; }

    /// <summary>Devices of the engine that was probed.</summary>
    public ProbedDevice[] Devices { get; set; } = [];

    /// <summary>Names of the block types whose kernels the probed engine can time.</summary>
    public string[] KernelTypes { get; set; } = [];

    /// <summary>The memory bandwidth that was measured.</summary>
    public MemoryBandwidth? MemoryBandwidth { get; set; }

    /// <summary>The tokenizer that was opened.</summary>
    public WorkerTokenizer? Tokenizer { get; set; }

    /// <summary>Whether a server pulled a model that it lacked.</summary>
    public bool Pulled { get; set; }
}

/// <summary>What a worker measured of a file it built.</summary>
/// <param name="Sha256">SHA-256 of the content.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="WeightBytes">Bytes of its tensors; 0 when it is no model.</param>
/// <param name="ParameterCount">Number of weights; 0 when it is no model.</param>
public sealed record BuiltArtifact(string Sha256, long Bytes, long WeightBytes, long ParameterCount);

/// <summary>How an artifact would be built.</summary>
/// <param name="Recipe">Its recipe; null when there is none.</param>
/// <param name="Unsupported">Why nothing here can make it.</param>
/// <param name="Fault">What is broken, so that nobody can make it.</param>
public sealed record PlannedArtifact(PlannedRecipe? Recipe, string? Unsupported = null, string? Fault = null);

/// <summary>A recipe as plain values.</summary>
/// <param name="Builder">Name of the builder.</param>
/// <param name="BuilderBuild">Build of the code that does the work.</param>
/// <param name="Inputs">Names of the artifacts it starts from.</param>
/// <param name="Parameters">All parameters.</param>
public sealed record PlannedRecipe(string Builder, string BuilderBuild, string[] Inputs, Dictionary<string, string> Parameters)
{
    /// <summary>A recipe as plain values.</summary>
    public static PlannedRecipe Of(ArtifactRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return new PlannedRecipe(recipe.Builder, recipe.BuilderBuild, [.. recipe.Inputs],
            new Dictionary<string, string>(recipe.Parameters));
    }

    /// <summary>The recipe.</summary>
    public ArtifactRecipe ToRecipe() =>
        new(Builder, BuilderBuild, [.. Inputs], Parameters.ToImmutableSortedDictionary(StringComparer.Ordinal));
}

/// <summary>A device of a probed engine.</summary>
/// <param name="Id">Device id.</param>
/// <param name="Description">What the device calls itself.</param>
/// <param name="Refused">Why it can't be used; null when it can.</param>
/// <param name="MemoryTotalBytes">Memory of the device, if known.</param>
/// <param name="MemoryFreeBytes">Free memory of the device, if known.</param>
/// <param name="KernelsRefused">Why its kernels are never timed one by one; null when they can be.</param>
public sealed record ProbedDevice(string Id, string Description, string? Refused, long? MemoryTotalBytes, long? MemoryFreeBytes,
    string? KernelsRefused = null);

/// <summary>Serializer code of the worker's protocol, made at build time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(WorkerJob))]
[JsonSerializable(typeof(WorkerResult))]
internal sealed partial class WorkerJson : JsonSerializerContext;
