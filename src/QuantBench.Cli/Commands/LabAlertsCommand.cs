using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Lab.Alerts;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench lab alerts</c>.</summary>
internal static class LabAlertsCommand
{
    public static Command Build(GlobalOptions global)
    {
        var webhook = new Option<string?>("--webhook") { Description = "address that alerts are posted to", HelpName = "URL" };
        var to = new Option<string[]>("--mail-to")
        {
            Description = "address that alerts are mailed to; repeat for more",
            HelpName = "ADDRESS",
        };
        var from = new Option<string?>("--mail-from") { Description = "sender of mails", HelpName = "ADDRESS" };
        var host = new Option<string?>("--mail-server")
        {
            Description = "mail server, with its port unless that is 25",
            HelpName = "HOST:PORT",
        };
        var user = new Option<string?>("--mail-user")
        {
            Description = $"account there; the password is {AlertSettings.PasswordVariable} of the server's environment",
            HelpName = "NAME",
        };
        var tls = new Option<bool>("--mail-tls") { Description = "the mail server must speak TLS (STARTTLS)" };
        Option<int?> silent = NumberOption.Whole("--silent-minutes", 1, AlertSettings.MostSilentMinutes);
        silent.Description = "silence of a machine that is an alert (default: 10)";
        var off = new Option<bool>("--off") { Description = "send nothing from now on" };
        var trial = new Option<bool>("--trial") { Description = "send a message now, to see whether it arrives" };
        var command = new Command("alerts",
            "Say where alerts go: failed and missed runs, silent and unfit machines, quarantined jobs, confirmed regressions. Without an "
                + "option: what is set, and the newest alerts.")
        { webhook, to, from, host, user, tls, silent, off, trial };
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            AlertStore alerts = new LabAccess(environment).Alerts;
            TextWriter output = parsed.InvocationConfiguration.Output;
            string[] receivers = parsed.GetValue(to) ?? [];
            if (parsed.GetValue(off))
            {
                alerts.Set(null, LabAccess.Actor);
                output.WriteLine("no alerts are sent.");
                return ExitCode.Ok;
            }

            // What isn't named stays as it is: a webhook beside a mail, whichever was set first.
            AlertSettings before = alerts.Settings ?? new AlertSettings();
            AlertSettings settings = before;
            if (parsed.GetValue(webhook) is { } url) settings = settings with { Webhook = Webhook.Address(url) };
            if (parsed.GetValue(silent) is { } minutes) settings = settings with { SilentMinutes = minutes };
            if (receivers.Length == 0 && (parsed.GetValue(from) ?? parsed.GetValue(host) ?? parsed.GetValue(user)) is not null)
                throw new RequestException("nobody is named who gets the mails.", "Add --mail-to ADDRESS.");
            if (receivers.Length > 0)
            {
                settings = settings with
                {
                    MailTo = [.. receivers],
                    MailFrom = parsed.GetValue(from),
                    MailUser = parsed.GetValue(user),
                    MailTls = parsed.GetValue(tls),
                };
                if (parsed.GetValue(host) is { } server) settings = settings.WithMailServer(server);
            }

            if (settings != before) alerts.Set(settings.Checked(), LabAccess.Actor);

            output.WriteLine(alerts.Settings is { } set ? $"alerts: {set}" : "no alerts are sent; see 'quantbench lab alerts --help'.");
            if (parsed.GetValue(trial)) await TryAsync(alerts, environment.Clock, output, stop);
            else List(alerts, output);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task TryAsync(AlertStore alerts, TimeProvider clock, TextWriter output, CancellationToken stop)
    {
        AlertSettings settings = alerts.Settings
            ?? throw new RequestException("alerts go nowhere.", "Give --webhook URL or --mail-to ADDRESS.");
        var trial = new Alert("trial", AlertKinds.Trial, "this is a trial: alerts of the lab arrive here", clock.GetUtcNow());
        foreach (AlertWay way in Enum.GetValues<AlertWay>())
        {
            if (way == AlertWay.Webhook ? settings.Webhook is null : !settings.Mails) continue;
            if (await AlertPost.SendAsync(way, settings, [trial], stop) is { } problem)
            {
                throw new RequestException($"the {way.ToString().ToLowerInvariant()} didn't take it: {problem}",
                    "Check the address, and that this machine may reach it.");
            }

            output.WriteLine($"{way.ToString().ToLowerInvariant()}: taken");
        }
    }

    private static void List(AlertStore alerts, TextWriter output)
    {
        foreach (Alert alert in alerts.Latest())
        {
            output.WriteLine($"{alert.At:yyyy-MM-dd HH:mm:ss}Z {(alert.Sent is null ? "waits" : "sent"),-6} {alert.Kind,-16} {alert.Text}"
                + $"{(alert.Problem is null ? "" : $" ({alert.Problem})")}");
        }
    }
}
