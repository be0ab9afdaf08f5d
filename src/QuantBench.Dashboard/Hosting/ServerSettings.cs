using System.Globalization;
using System.Net;
using QuantBench.Core.Errors;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;

namespace QuantBench.Dashboard.Hosting;

/// <summary>What admins set on the Settings page. What the command line says goes before it.</summary>
/// <param name="settings">Where they are kept.</param>
public sealed class ServerSettings(LabSettings settings)
{
    /// <summary>Fewest days that runs may be kept: less would take away what yesterday's change is compared with.</summary>
    public const int LeastDays = 30;

    private const string Co2Name = "co2_grams_per_kwh";
    private const string ListenName = "listen";
    private const string RetentionName = "retention_days";
    private const double MostCo2 = 2000;
    private const int MostDays = 36_500;
    private const double JoulesPerKilowattHour = 3.6e6;

    /// <summary>Carbon dioxide equivalents of the electricity, grams per kilowatt-hour; null when nobody said.</summary>
    public double? Co2GramsPerKwh =>
        double.TryParse(settings.Get(Co2Name), NumberStyles.Float, CultureInfo.InvariantCulture, out double grams) ? grams : null;

    /// <summary>Days that runs are kept; null = for ever.</summary>
    public int? RetentionDays =>
        int.TryParse(settings.Get(RetentionName), NumberStyles.None, CultureInfo.InvariantCulture, out int days) ? days : null;

    /// <summary>Address to listen on at the next start; null = this machine only.</summary>
    public string? Listen => settings.Get(ListenName);

    /// <summary>The address that a results root's settings ask for; null when they ask for none.</summary>
    /// <param name="resultsRoot">The results root.</param>
    public static IPAddress? ListenOf(string resultsRoot)
    {
        if (!File.Exists(Path.Combine(resultsRoot, LabDatabase.FileName))) return null;
        LabDatabase database = LabDatabase.Open(resultsRoot);
        return ReadAddress(new LabSettings(database, new AuditLog(database, TimeProvider.System)).Get(ListenName));
    }

    /// <summary>Grams of carbon dioxide equivalents of an energy; null when the intensity isn't set.</summary>
    /// <param name="joules">The energy.</param>
    public double? Co2Grams(double joules) => Co2GramsPerKwh is { } intensity ? joules / JoulesPerKilowattHour * intensity : null;

    /// <summary>Sets the intensity.</summary>
    /// <exception cref="RequestException">It is no number of grams.</exception>
    public void SetCo2(string? text, string actor) => Set(Co2Name, text, actor, t =>
        double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double grams) && grams is >= 0 and <= MostCo2
            ? grams.ToString(CultureInfo.InvariantCulture)
            : throw new RequestException($"'{t}' is no intensity.", $"Grams of CO₂e per kilowatt-hour, 0 to {MostCo2}; empty = unknown."));

    /// <summary>Sets how long runs are kept.</summary>
    /// <exception cref="RequestException">It is no number of days.</exception>
    public void SetRetention(string? text, string actor) => Set(RetentionName, text, actor, t =>
        int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int days) && days is >= LeastDays and <= MostDays
            ? days.ToString(CultureInfo.InvariantCulture)
            : throw new RequestException($"'{t}' is no number of days.", $"{LeastDays} to {MostDays}; empty = for ever."));

    /// <summary>Sets the address to listen on.</summary>
    /// <exception cref="RequestException">It is no address.</exception>
    public void SetListen(string? text, string actor) => Set(ListenName, text, actor, t =>
        ReadAddress(t)?.ToString()
            ?? throw new RequestException($"'{t}' is no IP address.",
                "E.g. 0.0.0.0 for every address of this machine; empty = this machine only."));

    private static IPAddress? ReadAddress(string? text) =>
        text switch
        {
            null => null,
            "localhost" => IPAddress.Loopback,
            "*" => IPAddress.Any,
            _ => IPAddress.TryParse(text, out IPAddress? address) ? address : null
        };

    private void Set(string name, string? text, string actor, Func<string, string> check) =>
        settings.Set(name, string.IsNullOrWhiteSpace(text) ? null : check(text.Trim()), actor);
}
