using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Runs;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>A column of the list of runs that readers may add.</summary>
/// <param name="Key">Its key in addresses.</param>
/// <param name="Title">Its head.</param>
/// <param name="Text">What it says of a run; empty when that isn't known.</param>
public sealed record FingerprintColumn(string Key, string Title, Func<RunInfo, string> Text);

/// <summary>Fingerprints of the runs of a list. To add a column: a line here.</summary>
/// <param name="stored">What the store has.</param>
public sealed class FingerprintQueries(StoredRuns stored)
{
    /// <summary>Every column there is, in the order they are shown.</summary>
    public static ImmutableArray<FingerprintColumn> Columns { get; } =
    [
        new("cpu", "CPU", i => i.Fingerprint.Cpu),
        new("cores", "Cores", i => Format.Count(i.Fingerprint.LogicalCores)),
        new("memory", "Memory", i => Format.Bytes(i.Fingerprint.MemoryBytes)),
        new("governor", "Governor", i => i.Fingerprint.Governor ?? ""),
        new("gpus", "GPUs", i => i.Fingerprint.Gpus.IsDefaultOrEmpty ? "" : string.Join("; ", i.Fingerprint.Gpus)),
        new("os", "OS", i => i.Fingerprint.Os),
        new("kernel", "Kernel", i => i.Fingerprint.Kernel ?? ""),
        new("runtime", "Runtime", i => i.Fingerprint.Runtime),
        new("quantbench", "QuantBench", i => i.Fingerprint.QuantBench),
        new("commit", "Commit",
            i => i.Fingerprint.GitCommit is { Length: > 8 } commit
                ? commit[..8] + (commit.EndsWith("-dirty", StringComparison.Ordinal) ? "-dirty" : "") : i.Fingerprint.GitCommit ?? ""),
        new("engines", "Engines", i => string.Join("; ", i.Fingerprint.Engines.Select(e => $"{e.Key} {e.Value}"))),
        new("models", "Models", i => string.Join(", ", i.Fingerprint.Models.Keys)),
        new("suite-hash", "Suite hash", i => Text.Words.Short(i.SuiteSha256)),
    ];

    /// <summary>The columns of an address, in their own order; unknown keys are left out.</summary>
    /// <param name="keys">Keys.</param>
    public static ImmutableArray<FingerprintColumn> Of(IEnumerable<string> keys)
    {
        HashSet<string> wanted = [.. keys];
        return [.. Columns.Where(c => wanted.Contains(c.Key))];
    }

    /// <summary>What columns say of runs.</summary>
    /// <param name="runs">Ids of the runs.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>One text per column, by run.</returns>
    public async Task<ImmutableDictionary<string, ImmutableArray<string>>> TextsAsync(string[] runs,
        ImmutableArray<FingerprintColumn> columns, CancellationToken cancellationToken)
    {
        if (columns.IsEmpty || runs.Length == 0) return ImmutableDictionary<string, ImmutableArray<string>>.Empty;
        return (await stored.InfosAsync(runs, cancellationToken))
            .ToImmutableDictionary(r => r.Key, r => columns.Select(c => c.Text(r.Value)).ToImmutableArray());
    }
}
