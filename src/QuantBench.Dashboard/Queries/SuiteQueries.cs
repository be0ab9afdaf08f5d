using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>A suite file.</summary>
/// <param name="Name">File name without <c>.yaml</c>.</param>
/// <param name="Path">Its path.</param>
/// <param name="Suite">What it says; null when it breaks the schema.</param>
/// <param name="Fault">What is wrong with it; null when nothing is.</param>
/// <param name="Cells">Its cells in the order they are measured.</param>
/// <param name="Schedules">Schedules that run it.</param>
/// <param name="LastRun">Its newest run.</param>
internal sealed record SuiteItem(
    string Name, string Path, Suite? Suite, SuiteException? Fault, ImmutableArray<Cell> Cells, ImmutableArray<Schedule> Schedules,
    string? LastRun);

/// <summary>What a suite would do on this machine, judged by earlier runs.</summary>
/// <param name="Seconds">Seconds its known cells took; null when none is known.</param>
/// <param name="Known">Cells that were run before.</param>
/// <param name="Unsupported">Cell id → why it didn't run before.</param>
internal sealed record SuiteForecast(double? Seconds, int Known, ImmutableDictionary<string, string> Unsupported);

/// <summary>Suites of this installation.</summary>
/// <param name="options">Where they lie.</param>
/// <param name="stored">What the store has.</param>
/// <param name="schedules">The schedules.</param>
internal sealed class SuiteQueries(LabOptions options, StoredRuns stored, ScheduleStore schedules)
{
    private const int MostShown = 5000;
    private const int LongestText = 256 << 10;

    /// <summary>All suites by name.</summary>
    public async Task<ImmutableArray<SuiteItem>> ListAsync(CancellationToken cancellationToken)
    {
        var items = ImmutableArray.CreateBuilder<SuiteItem>();
        foreach (string file in options.SuiteFiles()) items.Add(await ReadAsync(file, cancellationToken));
        return items.ToImmutable();
    }

    /// <summary>Suites that ran and have no file here.</summary>
    /// <param name="known">Those that have one.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ImmutableArray<(string Suite, int Runs, string LastRun)>> OthersAsync(ImmutableArray<SuiteItem> known,
        CancellationToken cancellationToken)
    {
        HashSet<string> here = [.. known.Select(s => s.Suite?.Name ?? s.Name)];
        return [.. (await stored.SuitesAsync(cancellationToken)).Where(s => !here.Contains(s.Suite))];
    }

    /// <summary>A suite by name, or null.</summary>
    public async Task<SuiteItem?> FindAsync(string name, CancellationToken cancellationToken) =>
        options.SuiteFile(name) is { } file ? await ReadAsync(file, cancellationToken) : null;

    /// <summary>The text of a suite's file, as far as a page shows it; empty when it can't be read, which its fault says.</summary>
    public static string Text(SuiteItem item)
    {
        try
        {
            using var reader = new StreamReader(item.Path);
            char[] text = new char[LongestText];
            return new string(text, 0, reader.ReadBlock(text));
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return "";
        }
    }

    /// <summary>What earlier runs say about a suite's cells.</summary>
    public async Task<SuiteForecast> ForecastAsync(SuiteItem item, CancellationToken cancellationToken)
    {
        string[] ids = [.. item.Cells.Take(MostShown).Select(c => c.Id.Value)];
        var cells = await stored.LastResultsAsync(ids, cancellationToken);
        return new SuiteForecast(
            cells.IsEmpty ? null : cells.Sum(c => c.Seconds), cells.Length,
            cells.Where(c => c.Unsupported is not null).ToImmutableDictionary(c => c.CellId, c => c.Unsupported ?? ""));
    }

    private async Task<SuiteItem> ReadAsync(string file, CancellationToken cancellationToken)
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(file);
        ImmutableArray<Schedule> planned = [.. schedules.List().Where(s => s.Suite == file)];
        try
        {
            Suite suite = SuiteLoader.Load(file, options.Engines);
            string? last = await stored.LastOfSuiteAsync(suite.Name, cancellationToken);
            return new SuiteItem(name, file, suite, null, SuitePlan.CellsOf(suite, [], null), planned, last);
        }
        catch (QuantBenchException e) when (e.InnerException is not System.Data.Common.DbException)
        {
            SuiteException fault = e as SuiteException ?? new SuiteException(file, 0, 0, e.Message, e.Hint, e);
            return new SuiteItem(name, file, null, fault, [], planned, null);
        }
    }
}
