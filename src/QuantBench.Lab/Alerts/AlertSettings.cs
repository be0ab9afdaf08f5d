using System.Collections.Immutable;
using System.Net.Mail;
using QuantBench.Core.Errors;

namespace QuantBench.Lab.Alerts;

/// <summary>Where alerts go.</summary>
public sealed record AlertSettings
{
    /// <summary>The environment variable of the server that holds the mail server's password.</summary>
    public const string PasswordVariable = "QUANTBENCH_SMTP_PASSWORD";

    /// <summary>Longest silence of a machine in minutes: a week.</summary>
    public const int MostSilentMinutes = 7 * 24 * 60;

    private const int SmtpPort = 25;
    private const int MostReceivers = 50;

    /// <summary>Address that messages are posted to; null = none.</summary>
    public Uri? Webhook { get; init; }

    /// <summary>Mail addresses; empty = none.</summary>
    public ImmutableArray<string> MailTo { get; init; } = [];

    /// <summary>Sender of mails.</summary>
    public string? MailFrom { get; init; }

    /// <summary>Mail server.</summary>
    public string? MailHost { get; init; }

    /// <summary>Its port.</summary>
    public int MailPort { get; init; } = SmtpPort;

    /// <summary>Account there; null = none is needed.</summary>
    public string? MailUser { get; init; }

    /// <summary>Whether the mail server must speak TLS (STARTTLS).</summary>
    public bool MailTls { get; init; }

    /// <summary>Minutes of silence after which a machine is an alert.</summary>
    public int SilentMinutes { get; init; } = 10;

    /// <summary>When they were set: what happened before isn't told.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Whether mails are sent.</summary>
    public bool Mails => !MailTo.IsDefaultOrEmpty;

    /// <summary>Refuses what can't work.</summary>
    /// <exception cref="RequestException">Something is missing or is no address.</exception>
    public AlertSettings Checked()
    {
        if (Webhook is null && !Mails) throw new RequestException("alerts go nowhere.", "Give --webhook URL or --mail-to ADDRESS.");
        if (Webhook is not null && Webhook.Scheme is not ("http" or "https"))
            throw new RequestException($"'{Webhook}' isn't an http or https address.", "e.g. --webhook https://chat.example/hook");
        if (SilentMinutes is < 1 or > MostSilentMinutes)
            throw new RequestException($"a machine is silent after 1 to {MostSilentMinutes} minutes.");
        if (!Mails) return this;
        if (MailHost is null) throw new RequestException("no mail server is named.", "e.g. --mail-server smtp.example.org:587 --mail-tls");
        if (MailTo.Length > MostReceivers) throw new RequestException($"at most {MostReceivers} people are mailed.", "Use a list.");
        if (MailUser is not null && !MailTls)
            throw new RequestException("a password without TLS could be read by anybody on the way.", "Add --mail-tls.");
        foreach (string address in (string[])[MailFrom ?? "", .. MailTo])
        {
            if (!MailAddress.TryCreate(address, out _) || address.Any(char.IsControl))
                throw new RequestException($"'{address}' is no mail address.", "Give --mail-from and --mail-to, e.g. lab@example.org");
        }

        return this;
    }

    /// <summary>A mail server of a text.</summary>
    /// <param name="text">A host's name, with a port behind a colon where it isn't 25.</param>
    /// <exception cref="RequestException">It is none.</exception>
    public AlertSettings WithMailServer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Uri.TryCreate("smtp://" + text, UriKind.Absolute, out Uri? uri) && uri.Host.Length > 0 && uri.AbsolutePath is "/" or ""
            && uri.UserInfo.Length == 0
            ? this with { MailHost = uri.Host, MailPort = uri.IsDefaultPort || uri.Port < 0 ? SmtpPort : uri.Port }
            : throw new RequestException($"'{text}' is no mail server.", "e.g. --mail-server smtp.example.org:587");
    }

    /// <summary>It in words, without what is secret: a webhook's path often is.</summary>
    public override string ToString() => string.Join(", ",
        ((string?[])
        [
            Webhook is null ? null : $"webhook at {Webhook.Host}",
            Mails ? $"mail to {string.Join(' ', MailTo)} by {MailHost}" : null,
            $"machines silent for {SilentMinutes} min",
        ]).OfType<string>());
}
