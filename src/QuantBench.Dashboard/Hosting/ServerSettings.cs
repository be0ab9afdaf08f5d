using System.Globalization;
using System.Net;
using System.Net.Sockets;
using QuantBench.Core.Errors;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Hosting;

/// <summary>What admins set on the Settings page. What the command line says goes before it.</summary>
/// <param name="settings">Where they are kept.</param>
public sealed class ServerSettings(LabSettings settings)
{
    /// <summary>Fewest days that runs may be kept: less would take away what yesterday's change is compared with.</summary>
    public const int LeastDays = 30;

    private const string ListenName = "listen";
    private const string RetentionName = "retention_days";
    private const int MostDays = 36_500;

    /// <summary>Days that runs are kept; null = for ever.</summary>
    public int? RetentionDays =>
        int.TryParse(settings.Get(RetentionName), NumberStyles.None, CultureInfo.InvariantCulture, out int days) ? days : null;

    /// <summary>Address to listen on at the next start; null = this machine only.</summary>
    public string? Listen => settings.Get(ListenName);

    /// <summary>The address that a results root's settings ask for; null when they ask for none.</summary>
    /// <param name="resultsRoot">The results root.</param>
    /// <param name="store">Where results are stored; null for the results root's own.</param>
    public static IPAddress? ListenOf(string resultsRoot, StoreAddress? store = null)
    {
        if (!LabDatabase.IsIn(resultsRoot)) return null;
        using LabDatabase database = LabDatabase.Open(resultsRoot, store);
        return ReadAddress(new LabSettings(database, new AuditLog(database, TimeProvider.System)).Get(ListenName));
    }

    /// <summary>Sets how long runs are kept.</summary>
    /// <exception cref="RequestException">It is no number of days.</exception>
    public void SetRetention(string? text, string actor) => Set(RetentionName, text, actor, t =>
        int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int days) && days is >= LeastDays and <= MostDays
            ? days.ToString(CultureInfo.InvariantCulture)
            : throw new RequestException($"'{t}' is no number of days.", $"{LeastDays} to {MostDays}; empty = for ever."));

    /// <summary>Sets the address to listen on.</summary>
    /// <exception cref="RequestException">It is no address.</exception>
    public void SetListen(string? text, string actor) => Set(ListenName, text, actor, t =>
    {
        IPAddress address = ReadAddress(t)
            ?? throw new RequestException($"'{t}' is no IP address.",
                "E.g. 0.0.0.0 for every address of this machine; empty = this machine only.");
        return IsOfThisMachine(address) ? address.ToString()
            : throw new RequestException($"{address} is no address of this machine.",
                "A server that can't listen there wouldn't start; 0.0.0.0 is every address of this machine.");
    });

    /// <summary>Reads an address to listen on.</summary>
    /// <param name="text">An IP address, <c>localhost</c>, or <c>*</c> for all.</param>
    /// <returns>Null when it is none. An IPv4 address in IPv6 spelling is the IPv4 address.</returns>
    public static IPAddress? ReadAddress(string? text) =>
        text switch
        {
            null => null,
            "localhost" => IPAddress.Loopback,
            "*" => IPAddress.Any,
            // Spelled out: a lone number is an address to the parser, and a port behind brackets is dropped by it.
            _ => (text.Contains(':', StringComparison.Ordinal) || text.Count(c => c == '.') == 3)
                && !text.Contains(']', StringComparison.Ordinal) && IPAddress.TryParse(text, out IPAddress? address)
                ? address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address : null
        };

    private static bool IsOfThisMachine(IPAddress address)
    {
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) return true;
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Set(string name, string? text, string actor, Func<string, string> check) =>
        settings.Set(name, string.IsNullOrWhiteSpace(text) ? null : check(text.Trim()), actor);
}
