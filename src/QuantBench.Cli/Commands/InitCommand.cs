using System.CommandLine;
using QuantBench.Analysis.Formatting;
using QuantBench.Cli.Views;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Inference.Engines;
using QuantBench.Models.Inspection;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Preparation;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench init</c>: a suite for a model, with what fits the model and this machine.</summary>
internal static class InitCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var model = new Argument<string>("model")
        {
            Description = "Hugging Face directory, GGUF file or ONNX model, or synthetic:SHAPE for random weights in a real shape",
        };
        var path = new Option<string?>("--out")
        {
            Description = "file to write (default: the model's name with .yaml, here)",
            HelpName = "FILE",
        };
        var force = new Option<bool>("--force") { Description = "replace a file that is there" };
        var command = new Command("init", "Write a commented suite for a model: variants and backends that fit it and this machine.")
        {
            model, path, force, global.Rehash,
        };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string given = parsed.GetRequiredValue(model);
            ModelSource source = environment.OpenSource(SuiteModel.IsShape(given) ? given : Path.GetFullPath(given));
            string name = NameOf(source);
            string file = Path.GetFullPath(parsed.GetValue(path) ?? $"{name}.yaml");
            if (File.Exists(file) && !parsed.GetValue(force))
                throw new RequestException($"{file} is there already.", "Name another file by --out, or replace it by --force.");
            string text = await TextAsync(environment, source, name, file, stop);
            // What this program writes, it must read.
            Suite suite = SuiteLoader.Parse(text, file, Path.GetDirectoryName(file)!, environment.Engines.Catalog); // a full path has one
            DiskFault.AsRequest($"{file} can't be written", "Name another file by --out.", () => File.WriteAllText(file, text));
            TextWriter output = parsed.InvocationConfiguration.Output;
            string shown = CalledAs.Quoted(Path.GetRelativePath(Directory.GetCurrentDirectory(), file));
            output.WriteLine($"{file}: {suite.Variants.Length} variants on {string.Join(", ", suite.Backends)}, "
                + $"{SuiteRunner.CellsOf(suite, [], null).Length} cells");
            output.WriteLine(CalledAs.In($"next: quantbench suites validate {shown}"));
            output.WriteLine(CalledAs.In($"next: quantbench run {shown}"));
        });
        help.Add(command, """
            Examples:
              quantbench init ~/models/Qwen3-0.6B
              quantbench init ~/models/Llama-3.2-1B-Q4_K_M.gguf --out llama.yaml
              quantbench init synthetic:llama-3.2-1b        speed and memory of a real size, without a download

            It looks at the model (what it is, how many weights), at this machine (engines, devices, memory) and at the texts that are
            here, and leaves out what doesn't fit. The file says why; edit it as you like.
            """);
        return command;
    }

    private static async Task<string> TextAsync(
        RunnerEnvironment environment, ModelSource source, string name, string file, CancellationToken stop)
    {
        (long weights, long bytes) = source.Kind == SourceKind.Synthetic ? (SyntheticSource.WeightsOf(source.Path), 0)
            : ModelInspector.Inspect(source.Path) is var inspection ? (inspection.Elements, inspection.Bytes) : default;
        Fingerprint machine = environment.ReadFingerprint();
        long memory = machine.MemoryLimitBytes is { } limit && limit < machine.MemoryBytes ? limit : machine.MemoryBytes;
        (string[] variants, string what) = await VariantsAsync(environment, source, stop);
        string[] fitting = [.. variants.Where(v => SuiteDraft.MemoryOf(v, weights, bytes) <= memory)];
        if (fitting.Length == 0)
        {
            throw new RequestException($"{source.Path}: {what}, and no variant of its {Format.Count(weights)} weights fits into "
                + $"{Format.Bytes(memory)}.", "Take a machine with more memory, or a smaller model.");
        }

        return new SuiteDraft
        {
            Name = name,
            Source = SourceOf(source, file),
            What = what,
            Weights = weights,
            SourceBytes = bytes,
            Machine = machine,
            Memory = memory,
            Variants = [.. fitting],
            LeftOut = [.. variants.Except(fitting)],
            Backends = [.. await BackendsAsync(environment, fitting[0], stop)],
            Dataset = source.Kind == SourceKind.Synthetic ? null
                : MainText.Choose(new DatasetCatalog(environment.DatasetsDirectory, environment.CacheRoot).List())?.Name,
        }.Write();
    }

    /// <summary>Variants that can be made of a source, those with most bits first, and what the source is.</summary>
    private static async Task<(string[] Variants, string What)> VariantsAsync(
        RunnerEnvironment environment, ModelSource source, CancellationToken stop)
    {
        (string[] candidates, string what) = source.Kind switch
        {
            SourceKind.Synthetic => (SuiteDraft.Levels, "random weights in a real model's shape"),
            SourceKind.Onnx =>
                (["onnx:given-fp32", "onnx:given-fp16", "onnx:given-int8", "onnx:given-int4"], "an ONNX model, measured as it is"),
            SourceKind.Gguf when ModelInspector.Inspect(source.Path).Claim is { } claim && !SuiteDraft.IsFloat(claim) =>
                (["gguf:given"], $"a GGUF file that is quantized already ({claim}), measured as it is"),
            SourceKind.HuggingFace when DirectoryVariant.Quantized(source.Path) is { } own =>
                ([own], "a directory that is quantized already, measured as it is"),
            _ => (SuiteDraft.Levels, "float weights, of which every level can be made"),
        };
        var preparer = new ArtifactPreparer(environment, "model", source, null, new Progress<Runner.Events.RunEvent>());
        if (await preparer.PlanAsync(candidates, stop) is { } failed) throw new EngineException(failed.Reason, failed.Hint);
        string[] made = [.. candidates.Where(c => preparer.WhyNot(c) is null)];
        return made.Length > 0 ? (made, what)
            : throw new RequestException($"{source.Path} is {what}, but nothing here can: {preparer.WhyNot(candidates[0])}",
                "'quantbench models inspect' says what it holds.");
    }

    /// <summary>The first engine that reads the format, on its usual device, and every device with a memory of its own.</summary>
    private static async Task<IEnumerable<string>> BackendsAsync(RunnerEnvironment environment, string variant, CancellationToken stop)
    {
        string format = variant[..variant.IndexOf(':', StringComparison.Ordinal)];
        var prober = new EngineProber(environment);
        var found = new List<string>();
        foreach (EngineFacts engine in environment.Engines.Registrations.Select((EngineRegistration r) => r.Facts)
            .Where(f => !f.IsRemote && f.Formats.Contains(format)))
        {
            EngineProbe probe = await prober.ProbeAsync(engine.Name, stop);
            ProbedDevice[] usable = probe.Problem is null ? [.. probe.Devices.Where(d => d.Refused is null)] : [];
            ProbedDevice? usual = usable.FirstOrDefault(d => d.Id == engine.UsualDevice) ?? usable.LastOrDefault(d => !d.Id.Contains(':'));
            if (found.Count == 0 && usual is not null) found.Add($"{engine.Name}/{usual.Id}");
            found.AddRange(usable.Where(d => d.Id.Contains(':') && d.MemoryTotalBytes > 0).Select(d => $"{engine.Name}/{d.Id}"));
        }

        return found.Count > 0 ? found.Distinct()
            : throw new RequestException($"no engine here can run {variant}.", "'quantbench doctor' says what is missing.");
    }

    private static string NameOf(ModelSource source)
    {
        string name = source.Kind == SourceKind.Synthetic ? source.Path[SuiteModel.SyntheticPrefix.Length..] + "-shape"
            : Directory.Exists(source.Path) ? Path.GetFileName(source.Path) : Path.GetFileNameWithoutExtension(source.Path);
        string plain = string.Concat(name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return plain.Length == 0 ? "my-model" : plain[..Math.Min(plain.Length, 60)];
    }

    // Beside the suite it may move with it.
    private static string SourceOf(ModelSource source, string file)
    {
        if (source.Kind == SourceKind.Synthetic) return source.Path;
        string relative = Path.GetRelativePath(Path.GetDirectoryName(file)!, source.Path); // a full path has a directory
        return (relative.StartsWith("..", StringComparison.Ordinal) ? source.Path : relative).Replace('\\', '/');
    }
}
