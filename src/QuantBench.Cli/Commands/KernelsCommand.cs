using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Kernels;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench kernels</c>.</summary>
internal static class KernelsCommand
{
    private static readonly ImmutableArray<string> s_usualTypes = ["F16", "Q8_0", "Q6_K", "Q4_K", "Q4_0"];
    private static readonly ImmutableArray<string> s_ops = [.. Enum.GetValues<KernelOp>().Select(KernelSpec.NameOf)];
    private static readonly ImmutableArray<string> s_types =
        [.. QuantSchemes.All.Where(s => s.Format == QuantSchemes.BlockTypeFormat).Select(s => s.Name)];

    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("kernels", "Time single kernels: decoding and products of one block type, by instruction set and shape.");
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(Run(global, help));
        help.Add(command, """
            Examples:
              quantbench kernels list
              quantbench kernels run --short
              quantbench kernels run --type Q4_0,Q4_K --op matvec --shape 4096x4096 --isa avx2
            """);
        return command;
    }

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List engines and instruction sets with kernels, and their block types.");
        list.SetAction(async (parsed, stop) =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            ImmutableArray<EngineProbe> engines = await EnginesAsync(global.Environment(parsed), stop);
            foreach (EngineProbe engine in engines)
            {
                output.WriteLine($"{engine.Name}: {engine.Description}");
                foreach (ProbedDevice device in engine.Devices)
                    output.WriteLine(
                        $"  {((device.Refused ?? device.KernelsRefused) is null ? "yes" : "no ")}  {engine.Name}/{device.Id}: "
                            + $"{device.Refused ?? device.KernelsRefused ?? device.Description}");
                output.WriteLine($"  types  {string.Join(' ', engine.KernelTypes)}");
            }

            output.WriteLine($"ops: {string.Join(", ", s_ops)}   ({SettingTable.Get("op").Description})");
            return engines.Length > 0 ? ExitCode.Ok : ExitCode.Unavailable;
        });
        return list;
    }

    private static Command Run(GlobalOptions global, HelpTexts help)
    {
        var type = Words("--type", "block types, or 'all'", "TYPES", string.Join(',', s_usualTypes));
        var op = Words("--op", "dequantize, vecdot, matvec, matmat", "OPS", string.Join(',', s_ops));
        var shape = Words("--shape", "sizes of the weight matrix: output x input features", "SHAPES", "2048x2048");
        var isa = new Option<string[]>(
            "--isa")
        {
            Description = "instruction sets (default: all that run here), or whole backends as ENGINE/DEVICE",
            HelpName = "ISAS",
            AllowMultipleArgumentsPerToken = true
        };
        Option<int> tokens = NumberOption.Whole("--tokens", 2, 4096, 128);
        tokens.Description = "vectors that matmat multiplies at once";
        Option<int> threads = NumberOption.Whole("--threads", 0, 1024, 0);
        threads.Description = "CPU threads; 0 = all";
        var hot = new Option<bool>(
            "--hot")
        { Description = "use the same weights each time, so that they stay in the caches where they fit" };
        var brief = new Option<bool>(
            "--short")
        { Description = "about a second per kernel instead of up to five: a look, not a measurement to keep" };
        var tags = new Option<string[]>("--tag") { Description = "free label of the run; repeat for more", HelpName = "TEXT" };
        var benchmarkDotNet = new Option<bool>(
            "--benchmarkdotnet")
        {
            Description =
                    "let BenchmarkDotNet time them (builds src/QuantBench.Microbenchmarks with the SDK); the run holds the same cells"
        };
        ViewOptions view = new();
        var run = new Command("run", "Time kernels, each in a worker process, and record them as a run.")
        {
            type, op, shape, isa, tokens, threads, hot, brief, tags, benchmarkDotNet, view.Json, view.Plain,
        };
        run.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            var request = new KernelRequest
            {
                Types = Types(Split(parsed.GetRequiredValue(type))),
                Ops = Known(Split(parsed.GetRequiredValue(op)), s_ops, "op"),
                Shapes = [.. Split(parsed.GetRequiredValue(shape)).Select(Shape).Distinct()],
                Backends = Backends(await EnginesAsync(environment, stop), Split(parsed.GetValue(isa) ?? [])),
                Tokens = parsed.GetValue(tokens),
                Threads = parsed.GetValue(threads),
                Hot = parsed.GetValue(hot),
                Short = parsed.GetValue(brief),
            };
            if (parsed.GetValue(benchmarkDotNet))
            {
                if (request.Hot || parsed.GetValue(tags) is { Length: > 0 })
                    throw new RequestException("--benchmarkdotnet takes neither --hot nor --tag.",
                        "Its runs are tagged 'benchmarkdotnet', and its weights are cold.");
                return await BenchmarkDotNetRun.RunAsync(environment, request, stop);
            }

            Suite suite = KernelSuite.Make(request, environment.Root);
            var options = new RunOptions { Tags = [.. parsed.GetValue(tags) ?? []] };
            return await RunExecution.RunAsync(parsed, view, environment, (runner, token) => runner.RunAsync(suite, options, token), stop);
        });
        help.Add(run, $"""
            Examples:
              quantbench kernels run --short                                  five usual types, every op and instruction set: two minutes
              quantbench kernels run --type Q4_0 --op matvec,matmat --isa avx2,avx512
              quantbench kernels run --type all --op matvec --shape 2048x8192 --threads 1
              quantbench kernels run --type Q8_0 --op dequantize --shape 64x2048 --hot
              quantbench kernels run --type Q4_0 --op vecdot --short --benchmarkdotnet
              quantbench compare RUN-A RUN-B                                  after a change of a kernel

            Bandwidth counts the weights as a file holds them, float inputs and float outputs, each once; a multiply and an add per weight
            and token are the operations. Unless --hot is given, weights come from memory (copies of more than four times the last level of
            cache take turns), and bandwidth is shown as a share of the memory bandwidth that the run measured first. On a GPU, time is the
            device's own and the share is one of the rate at which it copies its memory.

            {ExitCode.Help}
            """);
        return run;
    }

    private static Option<string[]> Words(string name, string description, string helpName, string usual) =>
        new(name)
        {
            Description = $"{description} (default: {usual})",
            HelpName = helpName,
            DefaultValueFactory = _ => [usual],
            AllowMultipleArgumentsPerToken = true
        };

    private static ImmutableArray<string> Split(string[] given) =>
        [.. given.SelectMany(g => g.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    private static ImmutableArray<string> Types(ImmutableArray<string> given) =>
        given is [var only] && only.Equals("all", StringComparison.OrdinalIgnoreCase) ? s_types : Known(given, s_types, "block type");

    private static ImmutableArray<string> Known(ImmutableArray<string> given, ImmutableArray<string> known, string what)
    {
        if (given.IsEmpty) throw new RequestException($"no {what} is given.", $"Known: {string.Join(", ", known)}.");
        return
        [
            .. given.Select(g => known.FirstOrDefault(k => k.Equals(g, StringComparison.OrdinalIgnoreCase))
                ?? throw new RequestException($"there is no {what} '{g}'.", DidYouMean.Hint(g, known, $"{what}s"))).Distinct(),
        ];
    }

    private static string Shape(string text) =>
        MatrixSize.TryParse(text, out MatrixSize size) ? size.ToString()
            : throw new RequestException($"'{text}' is no shape.", $"Write {MatrixSize.Rule}.");

    private static ImmutableArray<string> Backends(ImmutableArray<EngineProbe> engines, ImmutableArray<string> given)
    {
        (string Device, string Backend,
            bool Runs)[] known = [
                .. engines.SelectMany(e =>
                    e.Devices.Select(d => (d.Id, $"{e.Name}/{d.Id}", e.CanUse(d.Id).IsSupported && d.KernelsRefused is null)))];
        if (known.Length == 0) throw new EngineException("no engine here has kernels that can be timed.", "See 'quantbench doctor'.");
        if (given.IsEmpty) return [.. known.Where(k => k.Runs).Select(k => k.Backend)];
        string[] names = [.. known.SelectMany(k => (string[])[k.Device, k.Backend]).Distinct()];
        foreach (string name in given)
        {
            if (!names.Contains(name, StringComparer.OrdinalIgnoreCase))
                throw new RequestException($"there is no instruction set or backend '{name}' with kernels.",
                    DidYouMean.Hint(name, names, "instruction sets and backends"));
        }

        // One that can't run here is kept: its cells say why.
        return [.. known.Where(k =>
            given.Contains(k.Device, StringComparer.OrdinalIgnoreCase) || given.Contains(k.Backend, StringComparer.OrdinalIgnoreCase))
            .Select(k => k.Backend)];
    }

    private static async Task<ImmutableArray<EngineProbe>> EnginesAsync(RunnerEnvironment environment, CancellationToken stop)
    {
        var prober = new EngineProber(environment);
        var found = new List<EngineProbe>();
        foreach (EngineRegistration engine in environment.Engines.Registrations) found.Add(await prober.ProbeAsync(engine.Name, stop));
        return [.. found.Where(e => !e.KernelTypes.IsEmpty)];
    }
}
