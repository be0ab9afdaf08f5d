using System.Collections.Immutable;
using System.Net;
using System.Net.Mail;
using System.Text;
using System.Text.Json;
using QuantBench.Core;

namespace QuantBench.Lab.Alerts;

/// <summary>Sends alerts to whom an admin named.</summary>
public static class AlertPost
{
    private const int MostLines = 50;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    /// <summary>Sends alerts one way, all in one message.</summary>
    /// <param name="way">The way.</param>
    /// <param name="settings">Where to.</param>
    /// <param name="alerts">The alerts; not empty.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Null, or why it failed.</returns>
    public static async Task<string?> SendAsync(AlertWay way, AlertSettings settings, ImmutableArray<Alert> alerts,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            return way == AlertWay.Webhook ? await PostAsync(settings, alerts, patience.Token)
                : await MailAsync(settings, alerts, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"it didn't answer within {s_patience.TotalSeconds:0} s";
        }
        catch (Exception e) when (e is HttpRequestException or SmtpException or IOException or InvalidOperationException)
        {
            return e.InnerException is { } inner ? $"{e.Message} ({inner.GetBaseException().Message})" : e.Message;
        }
    }

    private static async Task<string?> PostAsync(AlertSettings settings, ImmutableArray<Alert> alerts, CancellationToken stop)
    {
        // Not followed: a redirect would take what happens here to somebody nobody named.
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        string message = JsonSerializer.Serialize(
            new { text = Text(alerts), alerts = alerts.Select(a => new { a.Kind, a.Text, a.At, a.Key }) }, Json.Line);
        using var content = new StringContent(message, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync(settings.Webhook, content, stop);
        return response.IsSuccessStatusCode ? null : $"it answered {(int)response.StatusCode}";
    }

    private static async Task<string?> MailAsync(AlertSettings settings, ImmutableArray<Alert> alerts, CancellationToken stop)
    {
        using var client = new SmtpClient(settings.MailHost, settings.MailPort) { EnableSsl = settings.MailTls };
        if (settings.MailUser is { } user)
        {
            client.Credentials = new NetworkCredential(user,
                Environment.GetEnvironmentVariable(AlertSettings.PasswordVariable) ?? "");
        }

        using var mail = new MailMessage();
        mail.From = new MailAddress(settings.MailFrom ?? "");
        (mail.Body, mail.BodyEncoding) = (Text(alerts), Encoding.UTF8);
        foreach (string to in settings.MailTo) mail.To.Add(to);
        mail.SubjectEncoding = Encoding.UTF8;
        mail.Subject = "QuantBench: " + (alerts.Length == 1 ? Line(alerts[0].Text) : $"{alerts.Length} alerts, {Line(alerts[0].Text)}");
        await client.SendMailAsync(mail, stop);
        return null;
    }

    private static string Text(ImmutableArray<Alert> alerts) => string.Join('\n',
        alerts.Take(MostLines).Select(a => $"{a.At:yyyy-MM-dd HH:mm}Z {a.Text}")
            .Concat(alerts.Length > MostLines ? [$"… and {alerts.Length - MostLines} more"] : []));

    // A line break in a subject would be a header.
    private static string Line(string text)
    {
        string line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        return line.Length > 120 ? line[..120] + "…" : line;
    }
}
