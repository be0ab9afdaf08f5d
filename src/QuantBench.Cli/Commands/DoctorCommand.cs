using System.CommandLine;
using System.Text.Json;
using QuantBench.Analysis.Formatting;
using QuantBench.Cli.Composition;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Inference.Engines;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench doctor</c>.</summary>
internal static class DoctorCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var json = new Option<bool>("--json") { Description = "print JSON" };
        Option<double?> calibrate = NumberOption.Decimal("--calibrate", 0, 10_000);
        calibrate.Description = "measure this machine against itself for so many minutes, and say the smallest difference it can show";
        calibrate.HelpName = "MINUTES";
        var command = new Command("doctor", "Say what this machine can run, and what is missing with the command that adds it.")
        {
            json, calibrate
        };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            if (parsed.GetValue(calibrate) is { } minutes)
                return await Calibration.RunAsync(environment, TimeSpan.FromMinutes(minutes),
                    parsed.InvocationConfiguration.Output, stop);
            TextWriter output = parsed.InvocationConfiguration.Output;
            Fingerprint machine = environment.ReadFingerprint();
            var prober = new EngineProber(environment);
            var engines = new List<EngineProbe>();
            foreach (EngineRegistration engine in environment.Engines.Registrations)
                engines.Add(await prober.ProbeAsync(engine.Name, stop));
            IReadOnlyList<DatasetStatus> datasets = new DatasetCatalog(environment.DatasetsDirectory, environment.CacheRoot).List();
            long? free = FreeBytes(environment.CacheRoot);
            string? problem = null;
            try
            {
                machine = machine with { MemoryBandwidth = await new BandwidthProber(environment).MeasureAsync(stop) };
            }
            catch (EngineException e)
            {
                // Everything else that doctor knows is still worth telling.
                problem = e.Message;
            }

            if (parsed.GetValue(json))
                output.WriteLine(
                    JsonSerializer.Serialize(
                        new
                        {
                            Machine = machine,
                            Engines = engines,
                            Datasets = datasets,
                            MainText = MainText.Choose(datasets)?.Name,
                            Cache = environment.CacheRoot,
                            Results = environment.ResultsRoot,
                            FreeBytes = free
                        }, Json.Line));
            else
                Print(output, environment, machine, problem, engines, datasets, free);
            return engines.Any(e => e.Problem is null && e.Devices.Any(d => d.Refused is null)) ? ExitCode.Ok : ExitCode.Unavailable;
        });
        help.Add(command, """
            Examples:
              quantbench doctor
              quantbench doctor --calibrate 10      what differences can be seen here, and how long that takes
              quantbench doctor --json | jq '.engines[].devices[].id'

            Exit code 0 when at least one engine can measure here, 69 otherwise.
            """);
        return command;
    }

    private static void Print(
        TextWriter output, RunnerEnvironment environment, Fingerprint machine, string? problem, List<EngineProbe> engines,
        IReadOnlyList<DatasetStatus> datasets, long? free)
    {
        output.WriteLine("Machine");
        output.WriteLine(
            $"  CPU      {machine.Cpu}; {machine.PhysicalCores?.ToString() ?? "?"} cores, {machine.LogicalCores} usable "
                + $"threads{(machine.CpuLimit is { } limit ? $", container limit {limit:0.##} cores" : "")}");
        output.WriteLine($"  ISA      {string.Join(' ', machine.CpuFlags)}");
        output.WriteLine(
            $"  memory   "
                + $"{Format.Bytes(machine.MemoryBytes)}"
            + (machine.MemoryLimitBytes is { } most ? $", container limit {Format.Bytes(most)}" : ""));
        if (machine.MemoryBandwidth is { } bandwidth)
            output.WriteLine(
                $"           {GigabytesPerSecond(bandwidth.ReadBytesPerSecond)} reading, "
                    + $"{GigabytesPerSecond(bandwidth.CopyBytesPerSecond)} copying, {GigabytesPerSecond(bandwidth.TriadBytesPerSecond)} "
                    + $"triad, measured with {bandwidth.Threads} threads over arrays of {Format.Bytes(bandwidth.ArrayBytes)}");
        if (problem is not null) output.WriteLine($"           {problem}");
        output.WriteLine($"  GPUs     {(machine.Gpus.IsDefaultOrEmpty ? "none seen" : string.Join("; ", machine.Gpus))}");
        output.WriteLine(
            $"  OS       {machine.Os}; {machine.Runtime}; "
                + $"{(machine.Virtualization is { } virtualization ? $"in {virtualization}" : "no virtualization seen")}");
        output.WriteLine(
            $"  governor {machine.Governor ?? "not readable"}{(machine.Governor is not (null or "performance") ? ": timings will vary; "
                + "try: sudo cpupower frequency-set -g performance" : "")}");
        output.WriteLine("Engines");
        foreach (EngineProbe engine in engines)
        {
            output.WriteLine($"  {engine.Name}: {engine.Description}");
            output.WriteLine(engine.Problem is null ? $"    build  {engine.Build}" : $"    can't start: {engine.Problem}");
            if (engine.Choice is not null) output.WriteLine($"    why    {engine.Choice}");
            if (engine.Hint is not null) output.WriteLine($"    hint: {engine.Hint}");
            foreach (ProbedDevice device in engine.Devices)
            {
                string memory = device.MemoryTotalBytes is { } total
                    ? $", {Format.Bytes(device.MemoryFreeBytes ?? 0)} of {Format.Bytes(total)} free" : "";
                output.WriteLine(
                    $"    {(device.Refused is null ? "yes" : "no ")}    {engine.Name}/{device.Id}: "
                        + $"{device.Description}{memory}{(device.Refused is null ? "" : $": {device.Refused}")}");
            }

            if (engine.Problem is null && engine.Devices.All(d => d.Id == "cpu"))
                output.WriteLine("    no GPU build: ./run-bench.sh setup vulkan   (or cuda), or name your own with --llamacpp-dir");
        }

        output.WriteLine("Evaluation texts");
        foreach (DatasetStatus dataset in datasets)
            output.WriteLine(
                $"  {(dataset.Missing is null ? "yes" : "no ")}  {dataset.Name}{(dataset.Missing is null ? "" : $": {dataset.Missing}")}");
        if (MainText.Choose(datasets) is { } text) output.WriteLine($"  main job: {text.Name}, because {text.Reason}");
        output.WriteLine("Places");
        output.WriteLine($"  results  {environment.ResultsRoot}");
        output.WriteLine($"  cache    {environment.CacheRoot}{(free is { } bytes ? $" ({Format.Bytes(bytes)} free)" : "")}");
        if (free < 2L << 30)
            output.WriteLine(
                "  hint: less than 2 GiB are free; 'quantbench models gc' removes what isn't used, --cache DIR names another place");
    }

    private static string GigabytesPerSecond(double bytesPerSecond) => Format.Value(bytesPerSecond, MetricTable.KernelBandwidth);

    private static long? FreeBytes(string path)
    {
        try
        {
            string? at = Path.GetFullPath(path);
            while (at is not null && !Directory.Exists(at)) at = Path.GetDirectoryName(at);
            return at is null ? null : new DriveInfo(at).AvailableFreeSpace;
        }
        catch (Exception e) when (e is ArgumentException || DiskFault.Is(e))
        {
            return null;
        }
    }
}
