using System.CommandLine;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench dashboard</c>.</summary>
internal static class DashboardCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("dashboard", "Show the results of this machine in the browser.");
        var options = new ServerOptions();
        options.AddTo(command);
        command.SetAction((parsed, stop) => options.RunAsync(parsed, global, scheduler: false, stop));
        help.Add(command, """
            Examples:
              quantbench dashboard                                      http://localhost:5080, this machine only, no login
              quantbench dashboard --port 0 --results /data/runs
              quantbench accounts add ada --role admin                  before listening to others
              quantbench dashboard --listen 0.0.0.0 --tls-cert cert.pem --tls-key key.pem

            A run that is started meanwhile shows up cell by cell. 'quantbench serve' also runs schedules.
            """);
        return command;
    }
}
