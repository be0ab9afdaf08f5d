using System.Globalization;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Evaluators;

/// <summary>The client's times beside those that the server's own clock took of the same requests.</summary>
/// <param name="log">The load.</param>
internal sealed class ServerCheck(TrafficLog log)
{
    // Beyond it the two don't measure the same thing, or something between them holds tokens back.
    private const double MostApart = 0.03;

    private readonly RequestRecord[] _timed =
        [.. log.Measured.Where(r => r.IsAnswered && r.Parts > 1 && r.Tokens > 1 && r.Timings?.GenerateMs > 0)];

    /// <summary>Client's speed over the server's; null when the server tells no times.</summary>
    public double? Ratio => _timed.Length == 0 ? null : _timed.Sum(r => r.Timings!.GenerateMs!.Value) / _timed.Sum(ClientMs);

    /// <summary>The server's own figures; none when it tells no times.</summary>
    public IEnumerable<Measurement> Measurements()
    {
        if (Ratio is not { } ratio) yield break;
        // Both count the steps behind the first token.
        yield return MeasurementBuilder.FromSamples("server_request_tps",
            [.. _timed.Select(r => 1000 * (r.Tokens - 1) / r.Timings!.GenerateMs!.Value)], []);
        yield return Measurement.Of("server_speed_ratio", ratio, n: _timed.Length);
        double[] prompts = [.. _timed.Where(r => r.Timings!.PromptMs > 0).Select(r => r.Timings!.PromptMs!.Value)];
        if (prompts.Length > 0) yield return MeasurementBuilder.FromSamples("server_prompt_time", prompts, []);
    }

    /// <summary>Marks on the cell.</summary>
    public IEnumerable<string> Notes()
    {
        if (Ratio is { } ratio && Math.Abs(ratio - 1) > MostApart)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"the client saw {Math.Abs(ratio - 1) * 100:0.#} % {(ratio < 1 ? "fewer" : "more")} tokens per second than the server's "
                    + $"own clock says of {_timed.Length} requests");
        }
    }

    private static double ClientMs(RequestRecord request) => (request.PartNs[^1] - request.PartNs[0]) / 1e6;
}
