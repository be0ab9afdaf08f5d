using System.Globalization;

namespace QuantBench.Lab.Agents;

/// <summary>Times of the protocol between a server and its agents. All of them run on the server's clock.</summary>
/// <param name="Lease">How long a lease lasts without a word.</param>
/// <param name="Beat">How often an agent speaks.</param>
/// <param name="Poll">How long a question for a job waits for one.</param>
public sealed record LeaseTimes(TimeSpan Lease, TimeSpan Beat, TimeSpan Poll)
{
    /// <summary>The environment variable that shortens them, for trials: seconds of a lease.</summary>
    public const string Variable = "QUANTBENCH_LEASE_SECONDS";

    /// <summary>A machine that was silent for longer isn't counted on.</summary>
    public static readonly TimeSpan Alive = TimeSpan.FromSeconds(90);

    /// <summary>Six beats to a lease: five may get lost.</summary>
    public static LeaseTimes Default { get; } = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(20));

    /// <summary>The times that a text of seconds gives.</summary>
    /// <param name="text">Seconds of a lease; null or no number for the default.</param>
    public static LeaseTimes Of(string? text) => double.TryParse(text, CultureInfo.InvariantCulture, out double seconds)
        && seconds is >= 0.5 and <= 3600
            ? new(TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(seconds / 6), TimeSpan.FromSeconds(Math.Min(20, seconds * 2)))
            : Default;
}
