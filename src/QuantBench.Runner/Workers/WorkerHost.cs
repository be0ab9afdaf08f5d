using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Kernels;
using QuantBench.Inference.Tasks;
using QuantBench.Models.Architectures;
using QuantBench.Models.Sources;

namespace QuantBench.Runner.Workers;

/// <summary>
/// The inside of a worker process: reads one job, does it, writes its result. This path touches as little code as it can, because what it
/// costs is paid by every cell: no command line, no terminal library, no database, no reflection-based JSON.
/// </summary>
/// <param name="services">What it is made of.</param>
/// <param name="log">Receives log lines; standard error.</param>
public sealed class WorkerHost(WorkerServices services, Action<string> log)
{
    /// <summary>Line by which the parent asks the worker to stop.</summary>
    public const string CancelLine = "cancel";

    /// <summary>Condition of a cell: milliseconds from making the engine to the last figure, i.e. the engine's load and work.</summary>
    public const string WorkMilliseconds = "work_ms";

    /// <summary>Condition of a cell: resident bytes of the process before the engine is made.</summary>
    public const string HarnessBytes = "harness_rss_bytes";

    private const int MaxJobBytes = 16 << 20;

    /// <summary>Does the job.</summary>
    /// <param name="input">Standard input: a line with the job, then perhaps <see cref="CancelLine"/>; its end means that the parent is
    /// gone.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="parentGone">Called from another thread when <paramref name="input"/> ends while the job runs.</param>
    /// <returns>Exit code: 0 when a result was written, 1 after an error.</returns>
    public int Run(Stream input, Stream output, Action parentGone)
    {
        ArgumentNullException.ThrowIfNull(input);
        var writer = new WorkerEventWriter(output);
        using var cancel = new CancellationTokenSource();
        try
        {
            WorkerJob job =
                JsonSerializer.Deserialize(ReadLine(input) ?? throw new RequestException("the worker was given no job."),
                    WorkerJson.Default.WorkerJob)
                ?? throw new RequestException("the worker was given an empty job.");
            // A thread of its own, not the pool's: it must answer even while native code keeps every core busy.
            new Thread(() => Watch(input, cancel, parentGone), 128 << 10) { IsBackground = true, Name = "parent watch" }.Start();
            writer.Started();
            writer.Result(Do(job, new ThrottledProgress(writer, services.Clock), cancel.Token));
            return 0;
        }
        catch (UnsupportedException e)
        {
            log(e.Message);
            writer.Result(new WorkerResult { Unsupported = e.Explanation });
            return 0;
        }
        catch (QuantBenchException e)
        {
            log(e.Message);
            writer.Error(e.Message, e.Hint);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The process is the boundary: whatever ends a job must reach the parent in words.
            log(e is OperationCanceledException ? "stopped as asked" : e.ToString());
            writer.Error(e is OperationCanceledException ? "stopped" : $"{e.Message} ({e.GetType().Name})", null);
        }

        return 1;
    }

    private static byte[]? ReadLine(Stream input)
    {
        using var line = new MemoryStream();
        Span<byte> one = stackalloc byte[1];
        // Byte by byte: a reader that takes more would swallow the cancel line behind the job.
        while (input.Read(one) == 1)
        {
            if (one[0] == (byte)'\n') return line.ToArray();
            if (line.Length >= MaxJobBytes) throw new RequestException("the worker's job is longer than 16 MiB.");
            line.WriteByte(one[0]);
        }

        return line.Length > 0 ? line.ToArray() : null;
    }

    private static void Watch(Stream input, CancellationTokenSource cancel, Action parentGone)
    {
        try
        {
            while (ReadLine(input) is { } line)
            {
                if (Encoding.UTF8.GetString(line).Trim() == CancelLine) cancel.Cancel();
            }

            parentGone();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            parentGone();
        }
    }

    private WorkerResult Do(WorkerJob job, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken) => job.Kind switch
    {
        WorkerJobKind.Probe => Probe(job),
        WorkerJobKind.Cell => Measure(job, progress, cancellationToken),
        WorkerJobKind.Reference => Reference(job, progress, cancellationToken),
        WorkerJobKind.Plan => Plan(job),
        WorkerJobKind.Prepare => Build(job, progress, cancellationToken),
        WorkerJobKind.Bandwidth => Bandwidth(),
        WorkerJobKind.Tokenize => Tokenize(job),
        WorkerJobKind.Pull or WorkerJobKind.Unload or WorkerJobKind.Delete => Keep(job, progress, cancellationToken),
        _ => throw new RequestException($"the worker doesn't know the job '{job.Kind}'."),
    };

    private EngineEnvironment EnvironmentOf(WorkerJob job) =>
        new() { Log = log, Root = job.Root, NativeDirectories = job.NativeDirectories.ToImmutableSortedDictionary(StringComparer.Ordinal) };

    private IEngine MakeEngine(WorkerJob job) =>
        (services.Engines.Find(job.Engine) ?? throw new EngineException($"this installation has no engine '{job.Engine}'."))
            .Create(EnvironmentOf(job));

    private WorkerResult Probe(WorkerJob job)
    {
        using IEngine engine = MakeEngine(job);
        return new WorkerResult
        {
            EngineBuild = engine.Build,
            EngineChoice = engine.Choice,
            KernelTypes = engine is IKernelEngine kernels ? [.. kernels.KernelTypes.Select(t => GgmlTypes.Get(t).Name)] : [],
            Devices = [
                .. engine.Devices()
                    .Select(d =>
                        new ProbedDevice(d.Id, d.Description, d.Support.Reason, d.MemoryTotalBytes, d.MemoryFreeBytes,
                            (engine as IKernelEngine)?.CanTimeOn(d.Id).Reason))],
        };
    }

    private WorkerResult Bandwidth() =>
        new() { MemoryBandwidth = MemoryBandwidthProbe.Measure(services.Machine().UsableCores, services.Clock) };

    private WorkerResult Tokenize(WorkerJob job)
    {
        WorkerTokenize wanted = Needed(job.Tokenize, "a text to tokenize");
        using IEngine engine = MakeEngine(job);
        if (engine is not ITokenizerEngine tokenizes) return new WorkerResult { Unsupported = $"{job.Engine} tokenizes no text" };
        using IEngineTokenizer tokenizer = tokenizes.OpenTokenizer(wanted.ModelPath);
        if (wanted.TextPath is { } textPath)
        {
            TokenFileMaker.Write(Needed(wanted.OutputPath, "a path for the tokens"), File.ReadAllText(textPath),
                Needed(wanted.TextSha256, "the text's hash"), tokenizer);
        }

        if (wanted.SetPath is { } setPath)
            TaskTokens.Make(TaskSet.Read(setPath), tokenizer).Write(Needed(wanted.OutputPath, "a path for the tokens"));
        return new WorkerResult { Tokenizer = new WorkerTokenizer(tokenizer.Sha256, tokenizer.BosToken) };
    }

    private WorkerResult Keep(WorkerJob job, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        using IEngine engine = MakeEngine(job);
        EvaluationContext context = ContextOf(job, engine, progress);
        if (job.Kind == WorkerJobKind.Pull) return new WorkerResult { Pulled = ServedModel.Pull(context, cancellationToken) };
        ServedModel.Remove(context, delete: job.Kind == WorkerJobKind.Delete, cancellationToken);
        return new WorkerResult();
    }

    private WorkerResult Measure(WorkerJob job, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        Place(job);
        long? bare = services.Machine().ResidentBytes();
        long start = services.Clock.GetTimestamp();
        using IEngine engine = MakeEngine(job);
        EvaluationContext context = ContextOf(job, engine, progress);
        if (services.Evaluator(context.Cell.Workload) is not { } evaluator)
            return new WorkerResult { Unsupported = $"this version of QuantBench can't measure '{context.Cell.Workload}'" };
        if (evaluator.CanRun(context).Reason is { } reason)
        {
            // The run asked for devices first, and sends no cell to one that can't be used: such a one has gone since.
            return context.Cell.Backend.Server is not null
                || engine.Devices().Any(d => d.Id == context.Cell.Backend.Device && d.Support.IsSupported)
                ? new WorkerResult { Unsupported = reason }
                : throw new EngineException(
                    $"{context.Cell.Backend}: the device was here when the run began and can't be used any more ({reason}).",
                    "Look at the system log for resets of the device or its driver, then run the cell again.");
        }

        if (job.Others.Length == 0)
            return ResultOf(context, evaluator.Evaluate(context, cancellationToken), start, bare);
        EvaluationContext[] contexts =
            [context, .. job.Others.Select(o => context with { Cell = o.Cell.ToCell(), ReferencePath = o.ReferencePath })];
        if (evaluator is not ISharedWorkload shared) throw new RequestException($"{context.Cell.Workload} shares no pass.");
        WorkerResult[] results =
        [
            .. shared.EvaluateTogether(contexts, cancellationToken).Zip(contexts, (outcome, of) => outcome.Result is { } result
                ? ResultOf(of, result, start, bare)
                : outcome.Fault is UnsupportedException unsupported ? new WorkerResult { Unsupported = unsupported.Explanation }
                : new WorkerResult { Failed = outcome.Fault?.Explanation }),
        ];
        return results[0] with { Others = results[1..] };
    }

    private WorkerResult ResultOf(EvaluationContext context, EvaluationResult result, long start, long? bare)
    {
        var provenance = new Dictionary<string, string>(result.Provenance);
        provenance.TryAdd("engine_build", context.Engine.Build);
        var conditions = new Dictionary<string, double>(result.Conditions)
        {
            [WorkMilliseconds] = services.Clock.GetElapsedTime(start).TotalMilliseconds,
        };
        if (bare is { } bytes) conditions[HarnessBytes] = bytes;
        // While the threads that computed are still there.
        if (WorkloadTable.Of(context.Cell).IsTimed) (provenance["cores_allowed"], provenance["priority"]) = CorePlacement.Read();
        return new WorkerResult
        {
            Metrics = [.. result.Metrics],
            Notes = [.. result.Notes, .. Meaning(context), .. Layers(context, provenance)],
            Provenance = provenance,
            Conditions = conditions,
        };
    }

    // Before the engine is made: the threads that it starts follow.
    private static void Place(WorkerJob job)
    {
        Cell cell = Needed(job.Cell, "a cell").ToCell();
        if (WorkloadTable.Of(cell).IsTimed) CorePlacement.Apply(cell.Settings.Text("cores"), (int)cell.Settings.Int("priority"));
    }

    // After the evaluation, so that reading the header doesn't count in its memory.
    private static IEnumerable<string> Meaning(EvaluationContext context)
    {
        // Without a text there is no artifact either, or only its speed was measured.
        if (context.Text is not null && !context.Cell.Variant.IsServed
            && SyntheticMark.IsOn(context.Artifact.Variant.Format, context.Artifact.Path))
            yield return CellResult.MeaninglessQuality;
    }

    // As above. What the file is rather than what its name says: the class follows from it.
    private static IEnumerable<string> Layers(EvaluationContext context, Dictionary<string, string> provenance)
    {
        if (!WorkloadTable.Of(context.Cell).RunsModel || context.Cell.Variant.IsServed) return [];
        if (Directory.Exists(context.Artifact.Path) && File.Exists(Path.Combine(context.Artifact.Path, "config.json")))
            return DirectoryVariant.Note(context.Artifact.Path) is { } note ? [note] : [];
        if (context.Artifact.Variant is not { Format: "gguf" } variant || !File.Exists(context.Artifact.Path)) return [];
        using GgufReader file = GgufReader.Open(context.Artifact.Path);
        if (SchemeCheck.LayerBits(file) is { } bits)
            provenance[CellResult.LayerBits] = bits.ToString("F3", CultureInfo.InvariantCulture);
        return SchemeCheck.Fallbacks(file, variant.Scheme) is { } said ? [said] : [];
    }

    private WorkerResult Reference(WorkerJob job, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        using IEngine engine = MakeEngine(job);
        EvaluationContext context = ContextOf(job, engine, progress);
        if (services.Evaluator(context.Cell.Workload)?.CanRun(context).Reason is { } reason)
            return new WorkerResult { Unsupported = reason };
        services.ComputeReference(context, Needed(job.ReferencePath, "a reference path"), cancellationToken);
        return new WorkerResult();
    }

    private EvaluationContext ContextOf(WorkerJob job, IEngine engine, IProgress<EvaluationProgress> progress)
    {
        Cell cell = Needed(job.Cell, "a cell").ToCell();
        var context = new EvaluationContext
        {
            Cell = cell,
            MemoryBandwidth = job.MemoryBandwidth,
            Launches = Math.Max(1, job.Launches),
            Launch = Math.Max(1, job.Launch),
            Engine = engine,
            Text = job.Text is { } text ? ReadText(text) : null,
            Task = job.Items is { } items
                ? new TaskInput(TaskSet.Read(items.SetPath), items.TokensPath is { } tokens ? TaskTokens.Read(tokens) : null) : null,
            ReferencePath = job.ReferencePath,
            OutputFolder = job.OutputFolder,
            ServerDevice = job.ServerDevice ?? cell.Backend.Device,
            Clock = services.Clock,
            Machine = services.Machine(),
            Progress = progress,
        };
        return WorkloadTable.Of(cell).RunsModel && !cell.Variant.IsServed
            ? context with { Artifact = Needed(job.Artifact, "an artifact").ToArtifact() } : context;
    }

    private static EvaluationText ReadText(WorkerText text)
    {
        TokenFile file = TokenFile.Read(text.TokensPath);
        return new EvaluationText
        {
            Dataset = text.Dataset,
            Tokens = file.Tokens,
            TokenBytes = file.TokenBytes,
            TextSha256 = file.Header.TextSha256,
            TokenizerSha256 = file.Header.TokenizerSha256,
            BosToken = file.Header.BosToken,
        };
    }

    private List<IArtifactBuilder> Builders(WorkerJob job, List<string> missing)
    {
        List<IArtifactBuilder> builders = [.. services.Builders];
        foreach (EngineRegistration engine in services.Engines.Registrations)
        {
            try
            {
                builders.AddRange(engine.CreateBuilders(EnvironmentOf(job)));
            }
            catch (EngineException e)
            {
                // Its artifacts may not be asked for; whoever asks is told.
                missing.Add($"{engine.Name}: {e.Explanation}");
            }
        }

        return builders;
    }

    private WorkerResult Plan(WorkerJob job)
    {
        WorkerBuild build = Needed(job.Build, "a build");
        ModelSource source = build.ToSource();
        var missing = new List<string>();
        List<IArtifactBuilder> builders = Builders(job, missing);
        var plans = new Dictionary<string, PlannedArtifact>();
        var open = new Queue<string>(build.ArtifactNames);
        while (open.TryDequeue(out string? name))
        {
            if (plans.ContainsKey(name)) continue;
            plans[name] = PlanOne(source, name, build.Calibration, builders, missing);
            foreach (string input in plans[name].Recipe?.Inputs ?? []) open.Enqueue(input);
        }

        return new WorkerResult { Plans = plans };
    }

    /// <summary>The recipe of the first builder that has one. Without one, a fault that any of them met outweighs what the others can't
    /// do: they didn't look at the source, or met the same.</summary>
    private static PlannedArtifact PlanOne(
        ModelSource source, string name, CalibrationText? calibration, List<IArtifactBuilder> builders, List<string> missing)
    {
        var refusals = new List<string>();
        var strangers = new List<string>(); // Builders of other formats: theirs are no reasons where somebody has one.
        string? fault = null;
        foreach (IArtifactBuilder builder in builders)
        {
            try
            {
                if (Support.Of(() => builder.CanBuild(source, name)).Reason is { } reason)
                    (reason.StartsWith(builder.Name + " ", StringComparison.Ordinal) ? strangers : refusals).Add(reason);
                else return new PlannedArtifact(PlannedRecipe.Of(builder.Recipe(source, name, calibration)));
            }
            catch (EngineException e)
            {
                // The engine it works with isn't here.
                refusals.Add(e.Explanation);
            }
            catch (QuantBenchException e)
            {
                fault ??= e.Explanation;
            }
        }

        string why = string.Join("; ", (refusals.Count > 0 ? refusals : strangers).Concat(missing).Distinct());
        return new PlannedArtifact(null, fault is not null ? null : why.Length > 0 ? why : $"nothing here can make {name}", fault);
    }

    private WorkerResult Build(WorkerJob job, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        WorkerBuild build = Needed(job.Build, "a build");
        string name = build.ArtifactNames.Single();
        var missing = new List<string>();
        IArtifactBuilder builder = Builders(job, missing).FirstOrDefault(b => b.Name == build.Builder)
            ?? throw new EngineException($"there is no builder '{build.Builder}'. {string.Join(" ", missing)}");
        var request = new BuildRequest(
            build.ToSource(), name, build.Inputs.ToImmutableSortedDictionary(StringComparer.Ordinal), build.OutputPath, build.Calibration,
            build.Threads);
        builder.Build(request, new BuildProgress(name, progress), cancellationToken);
        if (!ArtifactContent.Exists(build.OutputPath))
            throw new EngineException($"{build.Builder} said it was done with {name}, but wrote nothing.");
        progress.Report(new EvaluationProgress("hash", 0, 0, name));
        ArtifactContent content = ArtifactContent.Read(build.OutputPath, cancellationToken);
        // An importance matrix has no weights.
        (long weights, long parameters) = Variant.TryParse(name, out Variant? variant) && variant is not null
            ? services.Describe(variant, build.OutputPath) : (0, 0);
        return new WorkerResult { Built = new BuiltArtifact(content.Sha256, content.Bytes, weights, parameters) };
    }

    private static T Needed<T>(T? value, string what)
        where T : class => value ?? throw new RequestException($"the worker's job lacks {what}.");

    /// <summary>Lets a line through four times a second: more would be work of the reader that the measured loop pays for.</summary>
    private sealed class ThrottledProgress(WorkerEventWriter writer, TimeProvider clock) : IProgress<EvaluationProgress>
    {
        private static readonly TimeSpan s_gap = TimeSpan.FromMilliseconds(250);
        private long _last = long.MinValue;
        private string _phase = "";

        public void Report(EvaluationProgress value)
        {
            long now = clock.GetTimestamp();
            bool due = _last == long.MinValue || value.Phase != _phase || clock.GetElapsedTime(_last, now) >= s_gap;
            if (!due) return;
            (_last, _phase) = (now, value.Phase);
            writer.Progress(value);
        }
    }

    private sealed class BuildProgress(string name, IProgress<EvaluationProgress> progress) : IProgress<double>
    {
        public void Report(double value) =>
            progress.Report(new EvaluationProgress("build", (long)(Math.Clamp(value, 0, 1) * 1000), 1000, name));
    }
}
