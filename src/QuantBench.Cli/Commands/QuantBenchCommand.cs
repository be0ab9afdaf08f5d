namespace QuantBench.Cli.Commands;
internal static class QuantBenchCommand { public static Task<int> RunAsync(string[] args, TextWriter o, TextWriter e) => Task.FromResult(0); }
