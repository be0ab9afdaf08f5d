using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using QuantBench.Analysis.Formatting;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Preparation;
using QuantBench.Runner.Registry;
using QuantBench.Runner.Tokenizers;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench models</c>.</summary>
internal static class ModelsCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("models", "The registry of artifacts: converted and quantized models, cached by content.");
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(InspectCommand.Build(help));
        command.Subcommands.Add(Prepare(global, help));
        command.Subcommands.Add(SynthesizeCommand.Build(help));
        command.Subcommands.Add(Verify(global));
        command.Subcommands.Add(Gc(global, help));
        help.Add(command, """
            Examples:
              quantbench models list
              quantbench models inspect model.gguf
              quantbench models prepare datasets/reference-model --variant Q4_K_M
              quantbench models verify
              quantbench models gc --older-than 30 --dry-run
            """);
        return command;
    }

    private static ModelRegistry Registry(RunnerEnvironment environment) => new(environment.CacheRoot, environment.Clock);

    private static Command List(GlobalOptions global)
    {
        var json = new Option<bool>("--json") { Description = "print JSON" };
        var list = new Command("list", "List artifacts with source, size and last use.") { json };
        list.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            TextWriter output = parsed.InvocationConfiguration.Output;
            IReadOnlyList<RegistryItem> items = Registry(environment).List();
            if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(items, Json.Line));
            else if (items.Count == 0) output.WriteLine($"no artifacts in {environment.CacheRoot} yet");
            else foreach (RegistryItem item in items) output.WriteLine(Line(item));
        });
        return list;
    }

    private static string Line(RegistryItem item) => item.Entry is { } entry
        ? $"{entry.ArtifactName,-24} {Format.Bytes(entry.Bytes),10}  used {item.LastUsed:yyyy-MM-dd}  {entry.Key[..12]}  "
            + $"{entry.SourcePath}{(item.Damage is null ? "" : $"  DAMAGED: {item.Damage}")}"
        : $"{"?",-24} {"",10}  {item.Folder}  DAMAGED: {item.Damage}";

    private static Command Prepare(GlobalOptions global, HelpTexts help)
    {
        var model = new Argument<string>("model") { Description = "Hugging Face directory or GGUF file" };
        var variant = new Option<string[]>("--variant")
        {
            Description = "variant to make; repeat for more",
            HelpName = "ID",
            Required = true
        };
        var calibration = new Option<string>("--calibration")
        {
            Description = "calibration text for +imatrix and onnx:int8-static variants",
            HelpName = "DATASET",
            DefaultValueFactory = _ => new ImatrixOptions().Dataset
        };
        var json = new Option<bool>("--json") { Description = "print one JSON object per artifact" };
        var prepare = new Command("prepare", "Make artifacts of a model ahead of a run.") { model, variant, calibration,
            global.Rehash, json };
        prepare.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            TextWriter output = parsed.InvocationConfiguration.Output;
            string[] names = [.. parsed.GetRequiredValue(variant).Select(Name)];
            ModelSource source = OpenSource(environment, parsed.GetRequiredValue(model));
            bool asJson = parsed.GetValue(json);
            CalibrationText? text = names.Any(n => Variant.Parse(n).NeedsCalibrationText)
                ? await CalibrationAsync(environment, source, parsed.GetRequiredValue(calibration), stop)
                : null;
            var view = new PlainView(asJson ? parsed.InvocationConfiguration.Error : output);
            var preparer = new ArtifactPreparer(environment, Path.GetFileName(source.Path), source, text, view);
            if (await preparer.PlanAsync(names, stop) is { } failed) throw new EngineException(failed.Reason, failed.Hint);
            int code = ExitCode.Ok;
            foreach (string name in names)
            {
                Prepared made = await preparer.PrepareAsync(name, stop);
                if (made.Status != CellStatus.Ok) code = ExitCode.CellsFailed;
                output.WriteLine(asJson
                    ? JsonSerializer.Serialize(
                        new { Variant = name, made.Status, made.Reason, made.Path, made.Entry?.Sha256, made.Entry?.Bytes }, Json.Line)
                    : made.Status == CellStatus.Ok ? $"{name}: {made.Path}"
                        : $"{name}: {made.Status.ToString().ToLowerInvariant()}: {made.Reason}");
            }

            return code;
        });
        help.Add(prepare, """
            Examples:
              quantbench models prepare datasets/reference-model --variant Q4_K_M --variant F16
              quantbench models prepare ~/models/Qwen3-0.6B --variant IQ2_M+imatrix --calibration sotu:train
            """);
        return prepare;
    }

    // A shape is no path.
    private static ModelSource OpenSource(RunnerEnvironment environment, string source) =>
        environment.OpenSource(SuiteModel.IsShape(source) ? source : Path.GetFullPath(source));

    private static string Name(string text) => Variant.TryParse(text, out Variant? variant)
        ? variant!.Id // non-null when true
        : throw new RequestException($"there is no variant '{text}'.",
            "Known: "
                    + string.Join(", ",
                        QuantSchemes.All.Where(s => s.Format != QuantSchemes.BlockTypeFormat).Select(s => s.Name).Distinct())
                    + "; with +imatrix for an importance matrix.");

    private static async Task<CalibrationText> CalibrationAsync(RunnerEnvironment environment, ModelSource source, string dataset,
        CancellationToken stop)
    {
        DatasetText text =
            await new DatasetCatalog(environment.DatasetsDirectory, environment.CacheRoot)
                .ResolveAsync(dataset, Directory.GetCurrentDirectory(), stop);
        var options = new ImatrixOptions();
        ModelTokenizer tokenizer = await new TokenizerOpener(environment).OpenAsync(source, stop);
        string tokens = await new TokenCache(environment.CacheRoot).PathOfAsync(text, tokenizer, stop);
        return new CalibrationText(tokens, text.Sha256, options.Chunks, options.ContextLength);
    }

    private static Command Verify(GlobalOptions global)
    {
        var verify = new Command("verify", "Read every artifact again and compare its hash with its recipe's.");
        verify.SetAction((parsed, stop) =>
            Task.FromResult(Verify(global.Environment(parsed), parsed.InvocationConfiguration.Output, stop)));
        return verify;
    }

    private static int Verify(RunnerEnvironment environment, TextWriter output, CancellationToken stop)
    {
        IReadOnlyList<RegistryItem> items = Registry(environment).Verify(new Progress<RegistryItem>(), stop);
        RegistryItem[] damaged = [.. items.Where(i => i.Damage is not null)];
        foreach (RegistryItem item in damaged) output.WriteLine(Line(item));
        output.WriteLine($"{items.Count - damaged.Length} artifacts are whole, {damaged.Length} damaged");
        if (damaged.Length > 0) output.WriteLine("remove them: quantbench models gc --verify   (the next run makes them again)");
        return damaged.Length > 0 ? ExitCode.CellsFailed : ExitCode.Ok;
    }

    private static Command Gc(GlobalOptions global, HelpTexts help)
    {
        Option<double> older = NumberOption.Decimal("--older-than", 0, 10_000, 30);
        older.Description = "days without use after which artifacts and references go";
        older.HelpName = "DAYS";
        var verify = new Option<bool>("--verify") { Description = "read every artifact first and remove damaged ones too" };
        var dryRun = new Option<bool>("--dry-run") { Description = "only say what would go" };
        var gc = new Command("gc", "Remove half-built leftovers, damaged artifacts, and what no run used for a while.") { older, verify,
            dryRun };
        gc.SetAction((parsed, stop) => Task.FromResult(Collect(
            global.Environment(parsed), TimeSpan.FromDays(parsed.GetValue(older)), parsed.GetValue(verify), parsed.GetValue(dryRun),
            parsed.InvocationConfiguration.Output, stop)));
        help.Add(gc, """
            Examples:
              quantbench models gc --dry-run
              quantbench models gc --older-than 0      everything; the next run makes again what it needs
            """);
        return gc;
    }

    private static int Collect(RunnerEnvironment environment, TimeSpan unused, bool verify, bool dryRun, TextWriter output,
        CancellationToken stop)
    {
        ModelRegistry registry = Registry(environment);
        IReadOnlyList<RegistryItem> checkedItems = verify ? registry.Verify(new Progress<RegistryItem>(), stop) : [];
        var references = new ReferenceCache(environment.CacheRoot, environment.Clock);
        GarbageItem[] garbage = [.. registry.Garbage(unused, checkedItems), .. references.Garbage(references.LimitBytes, unused)];
        foreach (GarbageItem item in garbage) output.WriteLine($"{Format.Bytes(item.Bytes),10}  {item.Why,-30}  {item.Path}");
        if (!dryRun) ModelRegistry.Remove(garbage);
        string total = Format.Bytes(garbage.Sum(g => (double)g.Bytes));
        output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{garbage.Length} items, {total} {(dryRun ? "would be removed" : "removed")}"));
        return ExitCode.Ok;
    }
}
