using System.CommandLine;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench serve</c>.</summary>
internal static class ServeCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("serve", "The dashboard and the scheduler in one process.");
        var options = new ServerOptions();
        options.AddTo(command);
        command.SetAction((parsed, stop) => options.RunAsync(parsed, global, scheduler: true, stop));
        help.Add(command, """
            Examples:
              quantbench schedule add quick --cron "30 2 * * *" --zone Europe/Berlin
              quantbench serve                                          runs what is due, one run at a time

            What is due and what was running is kept on the disk: a server that was killed goes on where it was, and runs nothing twice.
            """);
        return command;
    }
}
