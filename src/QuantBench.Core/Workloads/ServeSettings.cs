using System.Globalization;
using QuantBench.Core.Settings;
using QuantBench.Core.Traffic;

namespace QuantBench.Core.Workloads;

/// <summary>How the settings of a load go together.</summary>
internal static class ServeSettings
{
    /// <summary>What a cell's short name says: the load, and what differs beside it.</summary>
    public static string Label(CellSettings settings)
    {
        string load = settings.Text("arrivals") switch
        {
            _ when Searches(settings) => $"search {settings.Text("arrivals")}",
            "closed" => $"closed {settings.Int("concurrency")}",
            string kind => string.Create(CultureInfo.InvariantCulture, $"{kind} {settings.Number("rate"):0.###}/s"),
        };
        return settings.Int("turns") > 1 ? $"{load} turns {settings.Int("turns")}" : load;
    }

    /// <summary>What is wrong with settings that are each right.</summary>
    public static (string Problem, string Hint)? Check(CellSettings settings)
    {
        string kind = settings.Text("arrivals");
        foreach (string key in (string[])["prompt_tokens", "output_tokens"])
        {
            if (LengthDistribution.Parse(settings.Text(key)) is null)
            {
                return ($"{key}: '{settings.Text(key)}' is no distribution of lengths",
                    "write e.g. 128, uniform 64 256, normal 512 100, lognormal 512 0.8 or choice 128 512");
            }
        }

        _ = ServiceObjective.Parse(settings.Text("slo"), out string? wrong);
        if (wrong is not null) return ($"slo: {wrong}", "write e.g. slo: ttft_p99 500ms, itl_p99 50ms");
        if ((kind == "trace") != settings.Text("trace").Length > 0)
        {
            return kind == "trace" ? ("arrivals: trace has no trace file", "give one, e.g. trace: requests.jsonl")
                : ("a trace file is given, but arrivals isn't trace", "write arrivals: trace");
        }

        if (Searches(settings) && settings.Text("slo").Length == 0)
            return ("search has no slo to look for", "e.g. slo: ttft_p99 500ms, itl_p99 50ms");
        if (Searches(settings) && kind is "closed" or "trace")
            return ($"search looks for a rate, and arrivals is {kind}", "write arrivals: poisson, constant or gamma");
        return settings.Number("ramp_to") > 0 && kind is "closed" or "trace"
            ? ($"a ramp goes from one rate to another, and arrivals is {kind}", "write arrivals: poisson, constant or gamma") : null;
    }

    /// <summary>Settings without those that make no difference beside the others.</summary>
    public static CellSettings Settle(CellSettings settings)
    {
        string kind = settings.Text("arrivals");
        if (kind != "closed") settings = settings.Without("concurrency");
        if (kind != "gamma") settings = settings.Without("burstiness");
        if (kind == "closed" || Searches(settings)) settings = settings.Without("rate").Without("ramp_to");
        return settings.Int("turns") > 1 ? settings : settings.Without("think_time");
    }

    private static bool Searches(CellSettings settings) => settings.Text("search") != "off";
}
