using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Settings;
using QuantBench.Lab.Agents.Edge;
using QuantBench.Lab.Telemetry;
using QuantBench.Results.Folders;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench agent</c> and <c>quantbench sync</c>.</summary>
internal static class AgentCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Option<Uri> server = Address("--server", "the lab's server");
        Option<string> key = KeyFile();
        var labels = new Option<string[]>("--label")
        {
            Description = "what the machine is told by; repeat for more",
            HelpName = "NAME=VALUE",
        };
        var suites = new Option<string?>("--suites")
        {
            Description = "directory that paths of suites start from (default: suites/ of the installation)",
            HelpName = "DIR",
        };
        var any = new Option<bool>("--any-condition")
        {
            Description = "take jobs although other programs keep the machine busy, it was throttled, or it is slower than usual",
        };
        var quota = new Option<long?>("--cache-quota")
        {
            Description = "most that pulled models and artifacts may take of the cache, e.g. 200GiB; what was used longest ago goes",
            HelpName = "SIZE",
            CustomParser = result =>
            {
                if (result.Tokens.Count == 1 && Quantities.TryParseSize(result.Tokens[0].Value, out long bytes) && bytes > 0) return bytes;
                result.AddError("--cache-quota is a size like 200GiB");
                return null;
            },
        };
        var shared = new Option<string?>("--shared")
        {
            Description = "directory of models that machines share; one of the same content there isn't pulled",
            HelpName = "DIR",
        };
        var command = new Command("agent", "Run the jobs that a lab's server has for this machine.")
        { server, key, labels, suites, any, quota, shared };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string[] given = parsed.GetValue(labels) ?? [];
            if (given.Select(MachineLabels.Problem).FirstOrDefault(p => p is not null) is { } problem)
                throw new RequestException($"{problem}.", "e.g. --label site=berlin");
            var lab = new LabAccess(environment);
            TextWriter output = parsed.InvocationConfiguration.Output;
            var options = new AgentOptions
            {
                Server = parsed.GetRequiredValue(server),
                Key = ReadKey(parsed.GetRequiredValue(key)),
                Labels = [.. given],
                AnyCondition = parsed.GetValue(any),
                CacheQuota = parsed.GetValue(quota),
                SharedModels = parsed.GetValue(shared),
                SuitesDirectory = Path.GetFullPath(parsed.GetValue(suites) ?? Path.Combine(environment.Root, "suites")),
                Environment = environment,
                Permit = lab.Approvals.Check,
                Finished = folder => Reporting.Write(RunFolder.ReadRecord(folder), folder),
                Beat = Installation.BeatCommand,
                Version = Installation.Version,
                Say = line =>
                {
                    lock (output) output.WriteLine($"{environment.Clock.GetUtcNow():HH:mm:ss}Z {line}");
                },
            };
            using IDisposable? traces = Traces.Start("quantbench-agent", Installation.Version);
            using var index = new StoreIndex(environment);
            await new AgentWork(options, index).RunAsync(stop);
            return ExitCode.Ok;
        });
        help.Add(command, """
            Examples:
              quantbench keys add rack1 --role agent > rack1.key        on the server
              quantbench agent --server https://lab:5080 --key-file rack1.key --label site=berlin

            It asks from here to there only, and runs one job at a time. Without a link it keeps its schedules, stores here, and sends
            later.
            A suite that starts programs or reads files elsewhere runs only when it was approved on this machine, too:
            quantbench suites approve FILE
            """);
        return command;
    }

    public static Command BuildSync(GlobalOptions global, HelpTexts help)
    {
        Option<Uri> to = Address("--to", "the server");
        Option<string> key = KeyFile();
        var runs = new Argument<string[]>("run")
        {
            Description = "runs to send (default: every whole one that was made here)",
            Arity = ArgumentArity.ZeroOrMore
        };
        var command = new Command("sync", "Send runs of this machine to a server.") { runs, to, key };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            TextWriter output = parsed.InvocationConfiguration.Output;
            using var link = new AgentLink(parsed.GetRequiredValue(to), ReadKey(parsed.GetRequiredValue(key)));
            var sync = new RunSync(link, environment.ResultsRoot, parsed.GetRequiredValue(to), environment.Clock);
            int sent = 0, known = 0, refused = 0;
            try
            {
                await sync.SendAsync(parsed.GetValue(runs) ?? [], (run, outcome, why) =>
                {
                    (sent, known, refused) = (sent + (outcome == SyncOutcome.Sent ? 1 : 0), known + (outcome == SyncOutcome.Known ? 1 : 0),
                        refused + (outcome == SyncOutcome.Refused ? 1 : 0));
                    output.WriteLine($"{run}: {(outcome == SyncOutcome.Known ? "was there" : outcome.ToString().ToLowerInvariant())}"
                        + $"{(why is null ? "" : $": {why}")}");
                }, stop);
            }
            catch (HttpRequestException e)
            {
                throw new StoreException($"the server can't be reached: {e.Message}", "The same command goes on where it was.", e);
            }

            output.WriteLine($"{sent} sent, {known} were there, {refused} refused");
            return refused > 0 ? ExitCode.InputOutput : ExitCode.Ok;
        });
        help.Add(command, """
            Examples:
              quantbench sync --to https://lab:5080 --key-file operator.key
              quantbench sync latest --to https://lab:5080 --key-file operator.key

            The key is an operator's: quantbench keys add NAME --role operator. What the server has isn't sent again; a link that breaks
            costs a part of one run.
            """);
        return command;
    }

    private static Option<Uri> Address(string name, string what) => new(name)
    {
        Description = $"{what}, e.g. https://lab:5080",
        HelpName = "URL",
        Required = true,
        CustomParser = result =>
        {
            string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0)
                return uri;
            result.AddError($"{name} '{text}' isn't an http or https address");
            return null;
        },
    };

    private static Option<string> KeyFile() => new("--key-file")
    {
        Description = "file that holds the key and nothing else",
        HelpName = "FILE",
        Required = true,
    };

    private static string ReadKey(string file) => DiskFault.AsRequest($"{file}: the key can't be read", "Name the file with --key-file.",
        () => File.ReadAllText(file).Trim());
}
