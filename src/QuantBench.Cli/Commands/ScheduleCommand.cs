using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench schedule</c>.</summary>
internal static class ScheduleCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("schedule", "Suites that run by themselves while 'quantbench serve' is up.");
        command.Subcommands.Add(Add(global));
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(Pause(global, "pause", "Stop taking a schedule's times.", paused: true));
        command.Subcommands.Add(Pause(global, "resume", "Take a schedule's times again, from now on.", paused: false));
        command.Subcommands.Add(Remove(global));
        command.Subcommands.Add(RunNow(global));
        help.Add(command, """
            Examples:
              quantbench schedule add quick --cron "30 2 * * *" --zone Europe/Berlin     every night at half past two
              quantbench schedule add suites/reference.yaml --cron "0 6 * * 1" --name weekly --catch-up skip
              quantbench schedule list
              quantbench schedule run-now weekly

            A suite may also carry 'schedule: { cron: 30 2 * * *, zone: Europe/Berlin }' itself.
            --catch-up says what becomes of times missed while the server was down or busy: last (default) runs the most recent
            one, skip none, all every one.
            """);
        return command;
    }

    private static Command Add(GlobalOptions global)
    {
        var suite = new Argument<string>("suite") { Description = "suite file, or the name of one in suites/" };
        var cron = new Option<string>("--cron")
        {
            Description = "minute hour day month weekday; six fields = seconds first",
            HelpName = "TEXT",
            Required = true
        };
        var zone = new Option<string?>("--zone") { Description = "time zone, e.g. Europe/Berlin (default: UTC)", HelpName = "ID" };
        var name = new Option<string?>("--name") { Description = "its name (default: the suite's)", HelpName = "NAME" };
        Option<CatchUp> catchUp = WordOption.Of("--catch-up", CatchUp.Last);
        (catchUp.Description, catchUp.HelpName) = ("last, skip or all", "POLICY");
        var add = new Command("add", "Add a schedule.") { suite, cron, zone, name, catchUp };
        add.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string file = Path.GetFullPath(SuiteFiles.Find(environment.Root, parsed.GetRequiredValue(suite)));
            Suite loaded = SuiteLoader.Load(file, environment.Engines.Catalog);
            if (!CronTimes.TryParse(parsed.GetRequiredValue(cron), parsed.GetValue(zone), out CronTimes? times, out string? problem))
                throw new RequestException($"{problem}.", "E.g. --cron \"30 2 * * *\" --zone Europe/Berlin");
            var lab = new LabAccess(environment);
            Schedule added =
                lab.Schedules.Add(parsed.GetValue(name) ?? loaded.Name, file, new SuiteSchedule(times, parsed.GetValue(catchUp)),
                    LabAccess.Actor);
            // Whoever types here may run it anyway.
            lab.Approvals.Approve(loaded, LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine($"added {added.Name}: {added.Cron}, next {Time(added.Next)}");
            parsed.InvocationConfiguration.Output.WriteLine(CalledAs.In("it runs while 'quantbench serve' is up."));
        });
        return add;
    }

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List schedules with their last and next run.");
        list.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            TextWriter output = parsed.InvocationConfiguration.Output;
            IReadOnlyList<Schedule> all = lab.Schedules.List();
            if (all.Count == 0) output.WriteLine("nothing is scheduled; add one: quantbench schedule add quick --cron \"30 2 * * *\"");
            foreach (Schedule schedule in all)
            {
                Occurrence? last = lab.Queue.Latest(schedule.Name, 1).FirstOrDefault();
                string lastText = last is null ? "never ran"
                    : $"last {Time(last.Due)} "
                        + $"{Word(last.State)}{(last.RunId is null ? "" : $" {last.RunId}")}"
                    + (last.Message is null ? "" : $" ({last.Message})");
                output.WriteLine(
                    $"{schedule.Name,-24} {schedule.Cron.Text,-16} {schedule.Cron.Zone.Id,-16} next {Time(schedule.Next),-21} {lastText}");
            }
        });
        return list;
    }

    private static Command Pause(GlobalOptions global, string word, string description, bool paused)
    {
        var name = new Argument<string>("name") { Description = "name of the schedule" };
        var command = new Command(word, description) { name };
        command.SetAction(parsed =>
        {
            new LabAccess(global.Environment(parsed)).Schedules.SetPaused(parsed.GetRequiredValue(name), paused, LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine($"{parsed.GetValue(name)} is {(paused ? "paused" : "active")}.");
        });
        return command;
    }

    private static Command Remove(GlobalOptions global)
    {
        var name = new Argument<string>("name") { Description = "name of the schedule" };
        var remove = new Command("remove", "Remove a schedule; its runs stay.") { name };
        remove.SetAction(parsed =>
        {
            new LabAccess(global.Environment(parsed)).Schedules.Remove(parsed.GetRequiredValue(name), LabAccess.Actor);
            parsed.InvocationConfiguration.Output.WriteLine($"{parsed.GetValue(name)} was removed.");
        });
        return remove;
    }

    private static Command RunNow(GlobalOptions global)
    {
        var name = new Argument<string>("name") { Description = "name of the schedule" };
        var run = new Command("run-now", "Put a run of a schedule into the queue at once.") { name };
        run.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            Schedule schedule = lab.Schedules.Get(parsed.GetRequiredValue(name));
            lab.Approvals.Approve(SuiteLoader.Load(schedule.Suite, global.Environment(parsed).Engines.Catalog), LabAccess.Actor);
            Occurrence asked = lab.Queue.Request(schedule.Suite, LabAccess.Actor, schedule.Name);
            lab.Audit.Write(LabAccess.Actor, "run.start", asked.Key, null, schedule.Suite);
            parsed.InvocationConfiguration.Output.WriteLine(
                CalledAs.In($"queued {asked.Key}; it starts when 'quantbench serve' is up and nothing else runs."));
        });
        return run;
    }

    private static string Time(DateTimeOffset? time) => time is { } t ? t.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'") : "never";

    private static string Word(OccurrenceState state) => state.ToString().ToLowerInvariant();
}
