using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Formatting;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Architectures;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench models synthesize</c>.</summary>
internal static class SynthesizeCommand
{
    // What exports start from; every recipe of floats and blocks does with it.
    private const string ExportSource = "safetensors:BF16";

    public static Command Build(HelpTexts help)
    {
        var like = new Option<string>(
            "--like")
        {
            Description = "shape to copy: " + string.Join(", ", SyntheticShapes.All.Select(s => s.Name)),
            HelpName = "SHAPE",
            Required = true
        };
        var scheme = new Option<string>("--scheme")
        {
            Description =
                "variant to write: a GGUF scheme, mixed as llama.cpp's quantizer mixes it, or a single block type; or a variant of another "
                    + "format, such as safetensors:BF16, mlx:4bit-g64, gptq:4bit-g128, awq:4bit-g128 or onnx:int4-b32",
            HelpName = "SCHEME",
            DefaultValueFactory = _ => "Q4_K_M",
        };
        var outPath = new Option<string>(
            "--out")
        {
            Description =
                    "GGUF file or, for the other formats, directory to write; a file or a synthetic directory that is there is replaced",
            HelpName = "PATH",
            Required = true
        };
        Option<int> seed = NumberOption.Whole("--seed", int.MinValue, int.MaxValue, 1);
        seed.Description = "the same seed gives the same bytes";
        var synthesize = new Command("synthesize",
            "Write a model with random weights in a real model's exact shape, to measure real sizes' speed and memory without a download.")
        {
            like, scheme, outPath, seed,
        };
        synthesize.SetAction((parsed, stop) =>
        {
            string name = parsed.GetRequiredValue(like);
            SyntheticShape shape = SyntheticShapes.Find(name)
                ?? throw new RequestException($"there is no shape '{name}'.",
                    $"Known: {string.Join(", ", SyntheticShapes.All.Select(s => s.Name))}.");
            string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetRequiredValue(outPath)));
            var progress = new ShareLines(parsed.InvocationConfiguration.Error, Path.GetFileName(path));
            string temporary = path + ".tmp";
            try
            {
                Remove(temporary);
                Write(temporary, shape, parsed.GetRequiredValue(scheme), parsed.GetValue(seed), progress, stop);
                Replace(path);
                if (Directory.Exists(temporary)) Directory.Move(temporary, path);
                else File.Move(temporary, path, overwrite: true);
            }
            finally
            {
                Remove(temporary);
            }

            parsed.InvocationConfiguration.Output.WriteLine(
                $"{path}: {Format.Bytes(Size(path))}; its weights are random, so its perplexity means nothing");
            return Task.FromResult(ExitCode.Ok);
        });
        help.Add(synthesize, $"""
            Examples:
              quantbench models synthesize --like llama-3.2-1b --scheme Q4_0 --out /tmp/llama-1b-q4_0.gguf
              quantbench models synthesize --like qwen2.5-0.5b --out /tmp/qwen.gguf
              quantbench models synthesize --like llama-3.2-1b --scheme mlx:4bit-g64 --out /tmp/llama-1b-mlx4
              quantbench models synthesize --like smollm2-135m --scheme safetensors:F16 --out /tmp/smollm-f16
              quantbench models synthesize --like smollm2-135m --scheme onnx:int4-b32 --out /tmp/smollm-onnx
              quantbench models prepare /tmp/smollm-f16 --variant Q4_K_M      the same weights in another scheme

            GGUF schemes and block types: {string.Join(", ", ModelSynthesizer.Schemes)}.
            Directories: {string.Join(", ", DirectorySynthesizer.Variants)}.
            ONNX: every variant that needs no calibration text; its weights are exported from random floats, written beside it first.

            A suite takes what is written as a model's source, in the variant that it already is; ONNX models as onnx:given-int4,
            -int8, -fp16 or -fp32.
            Perplexity and divergence of such a model are marked as meaningless wherever they are shown.
            """);
        return synthesize;
    }

    private static void Write(string path, SyntheticShape shape, string scheme, int seed, IProgress<double> progress,
        CancellationToken stop)
    {
        // Single block types are written too, though no variant is named after them.
        if (!scheme.Contains(':', StringComparison.Ordinal) || scheme.StartsWith("gguf:", StringComparison.OrdinalIgnoreCase))
            ModelSynthesizer.Write(path, shape, scheme, seed, stop, progress);
        else if (!Variant.TryParse(scheme, out Variant? variant))
            throw new RequestException($"there is no variant '{scheme}'.", "'quantbench models synthesize --help' lists them.");
        // non-null when parsed
        else if (variant!.ImportanceMatrix)
            throw new RequestException($"'{scheme}': random weights have no importance.", "Leave +imatrix away.");
        else if (variant.Format == "onnx") Export(path, shape, variant, seed, progress, stop);
        else DirectorySynthesizer.Write(path, shape, variant, seed, stop, progress);
    }

    /// <summary>Writes random floats, and where the recipe wants it a GGUF file, beside the output and exports them with the engine's own
    /// recipe.</summary>
    private static void Export(string path, SyntheticShape shape, Variant variant, int seed, IProgress<double> progress,
        CancellationToken stop)
    {
        string floats = path + "-source";
        var inputs = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        try
        {
            Remove(floats);
            DirectorySynthesizer.Write(floats, shape, Variant.Parse(ExportSource), seed, stop, new Progress<double>());
            ModelSource source = ModelSource.Open(floats);
            var environment = new EngineEnvironment { Log = _ => { }, Root = Installation.Root };
            Support refusal = Support.No($"there is no way to make '{variant.Id}'");
            foreach (IArtifactBuilder builder in Composition.Engines.All.Registrations.SelectMany(r => r.CreateBuilders(environment)))
            {
                Support support = builder.CanBuild(source, variant.Id);
                if (!support.IsSupported)
                {
                    if (builder.Name.StartsWith("onnx", StringComparison.Ordinal)) refusal = support;
                    continue;
                }

                if (variant.Scheme.NeedsCalibrationText)
                    throw new RequestException($"'{variant.Id}' is calibrated with a text, which means nothing to random weights.",
                        $"Write {ExportSource} and give it to 'quantbench models prepare --variant {variant.Id} --calibration ...', or "
                            + $"take another variant.");
                foreach (string input in builder.Recipe(source, variant.Id, null).Inputs)
                {
                    inputs.Add(input, $"{path}-{inputs.Count}.gguf");
                    ModelSynthesizer.Write(inputs[input], shape, input, seed, stop);
                }

                builder.Build(new BuildRequest(source, variant.Id, inputs.ToImmutable(), path, null, Environment.ProcessorCount), progress,
                    stop);
                return;
            }

            throw new RequestException($"'{variant.Id}' can't be written: {refusal.Reason}.", "Take another variant or another shape.");
        }
        finally
        {
            Remove(floats);
            foreach (string input in inputs.Values) Remove(input);
        }
    }

    /// <summary>Makes room for a directory; only what this command wrote is removed.</summary>
    private static void Replace(string path)
    {
        if (!Directory.Exists(path)) return;
        bool isOwn = SyntheticMark.IsOn(File.Exists(Path.Combine(path, "model.onnx")) ? "onnx" : "safetensors", path);
        if (!isOwn && Directory.EnumerateFileSystemEntries(path).Any())
            throw new RequestException($"'{path}' is a directory that holds something else than a synthetic model.",
                "Give another --out, or remove it first.");
        Directory.Delete(path, recursive: true);
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        else File.Delete(path);
    }

    private static long Size(string path) =>
        File.Exists(path) ? new FileInfo(path).Length : new DirectoryInfo(path).EnumerateFiles().Sum(f => f.Length);
}
