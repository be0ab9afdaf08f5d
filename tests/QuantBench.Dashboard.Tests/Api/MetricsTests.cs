using System.Text.RegularExpressions;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>What Prometheus is told.</summary>
[Collection(MetricsCollection.Name)]
public sealed class MetricsTests(DashboardFixture dashboard)
{
    [Fact]
    public async Task Metrics_CountRuns()
    {
        using HttpClient client = dashboard.Client();

        string text = await client.GetStringAsync("/api/v1/metrics");

        Assert.True(Regex.IsMatch(text, @"^quantbench_runs\S* [1-9]", RegexOptions.Multiline | RegexOptions.CultureInvariant), text);
    }

    [Theory]
    [InlineData(@"quantbench_last_run_start_time_seconds\{[^}]*suite=""reference""[^}]*\} [0-9.E+]+")]
    [InlineData(@"quantbench_last_run_end_time_seconds\{[^}]*suite=""reference""[^}]*\} [0-9.E+]+")]
    [InlineData(@"quantbench_last_run_outcome\{[^}]*outcome=""completed""[^}]*suite=""reference""[^}]*\} 1")]
    [InlineData(@"quantbench_last_run_outcome\{[^}]*outcome=""stopped""[^}]*suite=""reference""[^}]*\} 0")]
    [InlineData(@"quantbench_last_run_cells\{[^}]*status=""failed""[^}]*suite=""reference""[^}]*\} 1")]
    [InlineData(@"quantbench_last_run_cells\{[^}]*status=""disturbed""[^}]*suite=""reference""[^}]*\} [0-9]+")]
    [InlineData(@"quantbench_queue_oldest_waiting_seconds\{?[^}\n]*\}? [0-9]")]
    [InlineData(@"quantbench_scheduler_active\{?[^}\n]*\}? [01]")]
    public async Task Metrics_TellAnAlertWhatTheLastRunOfASuiteDid(string line)
    {
        using HttpClient client = dashboard.Client();

        string text = await client.GetStringAsync("/api/v1/metrics");

        // Labels come in any order.
        Assert.True(text.Split('\n').Any(l => Labels(line).All(p => Regex.IsMatch(l, p))), text);

        static string[] Labels(string pattern) => pattern.Contains("[^}]*", StringComparison.Ordinal)
            ? [.. pattern.Split(@"[^}]*").Select((p, i) => i == 0 ? "^" + p : p)] : ["^" + pattern];
    }
}
