using System.Collections.Immutable;
using QuantBench.Core.Runs;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Runner.Workers;

/// <summary>Where things lie and what the runner is made of; handed in by the composition root.</summary>
public sealed record RunnerEnvironment
{
    /// <summary>Root of the checkout or installation.</summary>
    public required string Root { get; init; }

    /// <summary>Directory of artifacts, token files, references and downloads.</summary>
    public required string CacheRoot { get; init; }

    /// <summary>Directory of run folders.</summary>
    public required string ResultsRoot { get; init; }

    /// <summary>Which database holds the results store.</summary>
    public StoreAddress Store { get; init; } = StoreAddress.Default;

    /// <summary>Reads the runs that are here or in the store.</summary>
    public RunReader Runs => new(ResultsRoot, Store);

    /// <summary>Directory of dataset descriptors.</summary>
    public string DatasetsDirectory => Path.Combine(Root, "datasets");

    /// <summary>Directories of native libraries that the user named, by engine.</summary>
    public ImmutableSortedDictionary<string, string> NativeDirectories { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The engines.</summary>
    public required EngineRegistry Engines { get; init; }

    /// <summary>How a worker is started.</summary>
    public required WorkerCommand Worker { get; init; }

    /// <summary>Opens a model source; throws when it isn't one.</summary>
    public required Func<string, ModelSource> OpenSource { get; init; }

    /// <summary>Opens a model source's tokenizer.</summary>
    public required Func<ModelSource, ITextTokenizer> OpenTokenizer { get; init; }

    /// <summary>Reads the machine's fingerprint; engines, datasets and models are added by the runner.</summary>
    public required Func<Fingerprint> ReadFingerprint { get; init; }

    /// <summary>File by which runners of one machine keep out of each other's timings; null = they don't.</summary>
    public string? MachineLock { get; init; }

    /// <summary>The one clock.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>A job with everything that doesn't depend on it.</summary>
    /// <param name="kind">What to do.</param>
    /// <param name="engine">Engine name; empty for builds.</param>
    public WorkerJob NewJob(WorkerJobKind kind, string engine = "") =>
        new() { Kind = kind, Root = Root, NativeDirectories = new Dictionary<string, string>(NativeDirectories), Engine = engine };
}
