using System.Text;
using System.Text.Json;
using QuantBench.Analysis.Trends;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Cli.Composition;

/// <summary>Posts alerts to an address the user named. Nothing else in this program sends results anywhere.</summary>
internal static class Webhook
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Reads an address.</summary>
    /// <param name="text">An absolute http or https address.</param>
    /// <exception cref="RequestException">It isn't one.</exception>
    public static Uri Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new RequestException($"'{text}' isn't an http or https address.", "e.g. --webhook https://chat.example/hook");

    /// <summary>The message: a text for chat servers, and the alerts as data.</summary>
    /// <param name="report">The report.</param>
    public static string Message(TrendReport report) => JsonSerializer.Serialize(
        new
        {
            text = $"{TrendText.Lead(report)}\n{string.Join('\n', report.Alerts.Select(a => TrendText.Sentence(a.Series, a.Change)))}",
            alerts = report.Alerts.Select(a => new
            {
                metric = report.Metric.Name,
                machine = a.Series.Host,
                cell = a.Series.CellId,
                title = a.Series.Title,
                run = a.Change.RunId,
                previous_run = a.Change.PreviousRunId,
                commit = a.Change.Commit,
                difference = a.Change.Difference,
                absolute = a.Change.Absolute,
                difference_low = a.Change.Interval.Low,
                difference_high = a.Change.Interval.High,
                p = a.Change.PValue,
                state = a.Change.State,
                also_changed = a.Change.AlsoChanged,
            }),
        },
        Json.Line);

    /// <summary>Posts a report's alerts.</summary>
    /// <returns>Null, or why it failed: alerts that can't be posted take nothing from the report.</returns>
    public static async Task<string?> PostAsync(Uri address, TrendReport report, CancellationToken stop)
    {
        using var client = new HttpClient { Timeout = s_patience };
        using var content = new StringContent(Message(report), Encoding.UTF8, "application/json");
        try
        {
            using HttpResponseMessage response = await client.PostAsync(address, content, stop);
            return response.IsSuccessStatusCode ? null : $"it answered {(int)response.StatusCode}";
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
        catch (TaskCanceledException) when (!stop.IsCancellationRequested)
        {
            return $"it didn't answer within {s_patience.TotalSeconds} s";
        }
    }
}
