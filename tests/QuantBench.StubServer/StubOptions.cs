using System.Globalization;

namespace QuantBench.StubServer;

/// <summary>How the stub behaves; given as key=value arguments.</summary>
public sealed record StubOptions
{
    /// <summary>Milliseconds from a request's service to its first token.</summary>
    public double First { get; init; } = 20;

    /// <summary>Mean of what is added to that, exponentially distributed.</summary>
    public double FirstJitter { get; init; }

    /// <summary>Milliseconds between tokens.</summary>
    public double Gap { get; init; } = 2;

    /// <summary>Mean of what is added to each gap, exponentially distributed.</summary>
    public double GapJitter { get; init; }

    /// <summary>Requests that are served per second, one after the other; 0 = all at once.</summary>
    public double Capacity { get; init; }

    /// <summary>Seed of the jitter.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Tokens of reasoning before the answer.</summary>
    public int Reasoning { get; init; }

    /// <summary>What goes wrong: none, die, stall, never, flood, line, comments, empty, body500, body200, halfclose, malformed, 429, 500,
    /// error200, lie.</summary>
    public string Fault { get; init; } = "none";

    /// <summary>How much a flood is, in MiB.</summary>
    public int Megabytes { get; init; } = 1024;

    /// <summary>Requests that are served well before the fault.</summary>
    public int After { get; init; }

    /// <summary>Reads arguments.</summary>
    public static StubOptions Parse(string[] arguments)
    {
        var options = new StubOptions();
        foreach (string argument in arguments)
        {
            string[] parts = argument.Split('=', 2);
            double Number() => double.Parse(parts[1], CultureInfo.InvariantCulture);
            options = parts[0] switch
            {
                "first" => options with { First = Number() },
                "first_jitter" => options with { FirstJitter = Number() },
                "gap" => options with { Gap = Number() },
                "gap_jitter" => options with { GapJitter = Number() },
                "capacity" => options with { Capacity = Number() },
                "seed" => options with { Seed = (int)Number() },
                "reasoning" => options with { Reasoning = (int)Number() },
                "megabytes" => options with { Megabytes = (int)Number() },
                "fault" => options with { Fault = parts[1] },
                "after" => options with { After = (int)Number() },
                _ => throw new ArgumentException($"the stub has no option '{argument}'", nameof(arguments)),
            };
        }

        return options;
    }
}
