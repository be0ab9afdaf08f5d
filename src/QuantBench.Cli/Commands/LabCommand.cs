using System.Buffers.Text;
using System.Collections.Immutable;
using System.CommandLine;
using System.Security.Cryptography;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Lab.Agents;
using QuantBench.Lab.State;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench lab</c>.</summary>
internal static class LabCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("lab", "The machines of a lab, their jobs, and the server's state.");
        command.Subcommands.Add(Status(global));
        command.Subcommands.Add(Drain(global, drained: true));
        command.Subcommands.Add(Drain(global, drained: false));
        command.Subcommands.Add(Release(global));
        command.Subcommands.Add(Pause(global));
        command.Subcommands.Add(Resume(global));
        command.Subcommands.Add(Window(global));
        command.Subcommands.Add(Hook(global));
        command.Subcommands.Add(LabAlertsCommand.Build(global));
        command.Subcommands.Add(Share(global));
        command.Subcommands.Add(Backup(global));
        command.Subcommands.Add(Restore(global));
        help.Add(command, """
            Examples, all on the server:
              quantbench lab status                                     machines, what they run, what waits
              quantbench lab drain rack1 --note "new fan"               no new jobs for it
              quantbench lab window add --cron "0 22 * * 5" --zone Europe/Berlin --minutes 120 --machine rack1
              quantbench lab release 3f0c2a                             give a quarantined job out again
              quantbench lab share                                      accounts, schedules and the queue into the PostgreSQL store
              quantbench lab backup lab.gz                              and 'restore' into a new results directory or database
              quantbench lab hook                                       the secret that signs POST /api/v1/hooks/SUITE
              quantbench lab alerts --webhook https://chat.example/hook failed and missed runs, silent machines, regressions
            """);
        return command;
    }

    private static Command Status(GlobalOptions global)
    {
        var command = new Command("status", "Machines, what they run, and what waits.");
        command.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            var lab = new LabAccess(environment);
            TextWriter output = parsed.InvocationConfiguration.Output;
            DateTimeOffset now = environment.Clock.GetUtcNow();
            if (lab.Pause.Reason is { } paused) output.WriteLine($"the lab is paused: {paused}");
            if (lab.Machines.List().IsEmpty) output.WriteLine("no machine yet: quantbench keys add NAME --role agent");
            foreach (Machine machine in lab.Machines.List())
            {
                output.WriteLine($"{machine.Name,-24} {Word(machine, now),-8} "
                    + $"last heard of {machine.Seen:yyyy-MM-dd HH:mm:ss}Z  {machine.Version}  {string.Join(' ', machine.Labels)}"
                    + $"{(machine.Note.Length > 0 ? $"  ({machine.Note})" : "")}"
                    + $"{(machine.Unfit is { } unfit ? $"  ({unfit.Why}, since {unfit.Since:yyyy-MM-dd HH:mm}Z)" : "")}");
            }

            foreach (Job job in lab.Jobs.Open())
            {
                output.WriteLine($"{job.Id[..8]} {job.State.ToString().ToLowerInvariant(),-11} {job.Key,-40} "
                    + $"{job.Machine ?? job.Target ?? "any that fits"}, {job.Cells} cells, try {job.Attempts}"
                    + $"{(job.Message is null ? "" : $": {job.Message}")}");
            }

            foreach (JobRun late in lab.Jobs.Late())
            {
                output.WriteLine($"late     {late.RunId} of {late.Machine}, {late.Cells} cells, "
                    + $"in {Path.Combine(environment.ResultsRoot, ".late")}");
            }
        });
        return command;
    }

    private static string Word(Machine machine, DateTimeOffset now) => machine.Drained ? "drained"
        : !machine.IsAlive(now) ? "silent" : machine.Unfit is null ? "alive" : "unfit";

    private static Command Drain(GlobalOptions global, bool drained)
    {
        var name = new Argument<string>("machine") { Description = "the machine's name" };
        var note = new Option<string?>("--note") { Description = "why", HelpName = "TEXT" };
        Command command = drained ? new("drain", "Give a machine no new jobs; what it runs goes on.") { name, note }
            : new("undrain", "Give a machine jobs again.") { name };
        command.SetAction(parsed =>
        {
            string machine = parsed.GetRequiredValue(name);
            new LabAccess(global.Environment(parsed)).Machines.SetDrained(machine, drained, drained ? parsed.GetValue(note) ?? "" : "",
                LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine(drained ? $"{machine} gets no new jobs." : $"{machine} works again.");
        });
        return command;
    }

    private static Command Release(GlobalOptions global)
    {
        var id = new Argument<string>("job") { Description = "its id or the beginning of one, as 'lab status' prints it" };
        var command = new Command("release", "Give a quarantined job out again.") { id };
        command.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            Job[] fit = [.. lab.Jobs.Open().Where(j => j.State == JobState.Quarantined
                && j.Id.StartsWith(parsed.GetRequiredValue(id), StringComparison.Ordinal))];
            if (fit.Length != 1)
                throw new RequestException(fit.Length == 0 ? "no quarantined job begins so." : $"{fit.Length} quarantined jobs begin so.",
                    "See 'quantbench lab status'.");
            lab.Jobs.Release(fit[0].Id, LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine($"{fit[0].Key} waits for a machine again.");
        });
        return command;
    }

    private static Command Pause(GlobalOptions global)
    {
        var note = new Option<string?>("--note") { Description = "why", HelpName = "TEXT" };
        var command = new Command("pause", "Give no machine new jobs, as for maintenance; what runs goes on.") { note };
        command.SetAction(parsed =>
        {
            new LabAccess(global.Environment(parsed)).Pause.Pause(parsed.GetValue(note) ?? "", LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine("no machine gets new jobs.");
        });
        return command;
    }

    private static Command Resume(GlobalOptions global)
    {
        var command = new Command("resume", "Give the machines jobs again.");
        command.SetAction(parsed =>
        {
            new LabAccess(global.Environment(parsed)).Pause.Resume(LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine("the machines work again.");
        });
        return command;
    }

    private static Command Window(GlobalOptions global)
    {
        var command = new Command("window", "Times, again and again, in which machines get no new jobs.");
        var cron = new Option<string>("--cron") { Description = "when it begins: minute hour day month weekday", Required = true };
        var zone = new Option<string?>("--zone") { Description = "time zone, e.g. Europe/Berlin (default: UTC)" };
        Option<int> minutes = NumberOption.Whole("--minutes", 1, MaintenanceWindow.MostMinutes, 60);
        minutes.Description = "how long it lasts (default: 60)";
        var machine = new Option<string?>("--machine") { Description = "the machine (default: every one)", HelpName = "NAME" };
        var add = new Command("add", "Add a window.") { cron, zone, minutes, machine };
        add.SetAction(parsed =>
        {
            var window = new MaintenanceWindow(parsed.GetValue(machine), parsed.GetRequiredValue(cron), parsed.GetValue(zone) ?? "UTC",
                parsed.GetValue(minutes));
            new LabAccess(global.Environment(parsed)).Pause.Add(window, LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine($"no new jobs for {window}.");
        });
        var list = new Command("list", "List the windows.");
        list.SetAction(parsed =>
        {
            ImmutableArray<MaintenanceWindow> windows = new LabAccess(global.Environment(parsed)).Pause.Windows;
            if (windows.IsEmpty) parsed.InvocationConfiguration.Output.WriteLine("no windows.");
            for (int i = 0; i < windows.Length; i++) parsed.InvocationConfiguration.Output.WriteLine($"{i + 1}  {windows[i]}");
        });
        var number = new Argument<int>("number") { Description = "its number, as 'window list' prints it" };
        var remove = new Command("remove", "Remove a window.") { number };
        remove.SetAction(parsed =>
        {
            LabPause pause = new LabAccess(global.Environment(parsed)).Pause;
            MaintenanceWindow gone = pause.Remove(parsed.GetRequiredValue(number), LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine($"removed {gone}.");
        });
        command.Subcommands.Add(add);
        command.Subcommands.Add(list);
        command.Subcommands.Add(remove);
        return command;
    }

    private static Command Hook(GlobalOptions global)
    {
        var command = new Command("hook", "Print the secret that signs requests to /api/v1/hooks/SUITE; made anew each time.");
        command.SetAction(parsed =>
        {
            string secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
            new LabAccess(global.Environment(parsed)).SetHookSecret(secret);
            parsed.InvocationConfiguration.Output.WriteLine(secret);
        });
        return command;
    }

    private static Command Share(GlobalOptions global)
    {
        var command = new Command("share",
            "Move accounts, keys, schedules, the queue, notes and the audit log into the PostgreSQL database of the results (--store).");
        command.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            int? moved = LabCopy.Share(environment.ResultsRoot, environment.Store);
            parsed.InvocationConfiguration.Output.WriteLine(moved is { } rows
                ? $"{rows} rows were moved; lab.db stays as lab.db.before-share."
                : "a lab was there already: this results directory belongs to it now.");
        });
        return command;
    }

    private static Command Backup(GlobalOptions global)
    {
        var file = new Argument<string>("file") { Description = "where to write; must not be there" };
        var command = new Command("backup", "Write accounts, keys' hashes, schedules, the queue, notes and the audit log into a file.")
        {
            file,
        };
        command.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            using LabDatabase database = LabDatabase.Open(environment.ResultsRoot, environment.Store);
            string path = parsed.GetRequiredValue(file);
            int rows = DiskFault.AsRequest($"{path}: can't be written", "Name a file that isn't there.", () =>
            {
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                // It holds password hashes.
                if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                using var output = new FileStream(path, options);
                int written = LabCopy.Write(database, output);
                output.Flush(flushToDisk: true);
                return written;
            });
            parsed.InvocationConfiguration.Output.WriteLine($"{rows} rows. Runs are folders of {environment.ResultsRoot}: copy them, too.");
        });
        return command;
    }

    private static Command Restore(GlobalOptions global)
    {
        var file = new Argument<string>("file") { Description = "what 'lab backup' wrote" };
        var command = new Command("restore", "Take a backup into a new results directory or an empty database.") { file };
        command.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            using LabDatabase database = LabDatabase.Open(environment.ResultsRoot, environment.Store);
            string path = parsed.GetRequiredValue(file);
            using FileStream input = DiskFault.AsRequest($"{path}: can't be read", "Name a backup.", () => File.OpenRead(path));
            int rows = LabCopy.Read(database, input);
            parsed.InvocationConfiguration.Output.WriteLine(
                $"{rows} rows were taken in. 'quantbench results reindex' reads the run folders.");
        });
        return command;
    }
}
