using System.Collections.Immutable;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>A suite file.</summary>
/// <param name="Name">File name without <c>.yaml</c>.</param>
/// <param name="Path">Its path.</param>
/// <param name="Suite">What it says; null when it breaks the schema.</param>
/// <param name="Fault">What is wrong with it; null when nothing is.</param>
/// <param name="Cells">Its cells in the order they are measured.</param>
/// <param name="Schedules">Schedules that run it.</param>
/// <param name="LastRun">Its newest run.</param>
public sealed record SuiteItem(
    string Name, string Path, Suite? Suite, SuiteException? Fault, ImmutableArray<Cell> Cells, ImmutableArray<Schedule> Schedules,
    string? LastRun);

/// <summary>What a suite would do on this machine, judged by earlier runs.</summary>
/// <param name="Seconds">Seconds its known cells took; null when none is known.</param>
/// <param name="Known">Cells that were run before.</param>
/// <param name="Unsupported">Cell id → why it didn't run before.</param>
public sealed record SuiteForecast(double? Seconds, int Known, ImmutableDictionary<string, string> Unsupported);

/// <summary>Suites of this installation.</summary>
/// <param name="options">Where they lie.</param>
/// <param name="store">The store.</param>
/// <param name="schedules">The schedules.</param>
public sealed class SuiteQueries(LabOptions options, ResultStore store, ScheduleStore schedules)
{
    private const int MostShown = 5000;

    /// <summary>All suites by name.</summary>
    public async Task<ImmutableArray<SuiteItem>> ListAsync(CancellationToken cancellationToken)
    {
        var items = ImmutableArray.CreateBuilder<SuiteItem>();
        foreach (string file in options.SuiteFiles()) items.Add(await ReadAsync(file, cancellationToken));
        return items.ToImmutable();
    }

    /// <summary>A suite by name, or null.</summary>
    public async Task<SuiteItem?> FindAsync(string name, CancellationToken cancellationToken) =>
        options.SuiteFile(name) is { } file ? await ReadAsync(file, cancellationToken) : null;

    /// <summary>The text of a suite's file.</summary>
    public static string Text(SuiteItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return File.ReadAllText(item.Path);
    }

    /// <summary>What earlier runs say about a suite's cells.</summary>
    public async Task<SuiteForecast> ForecastAsync(SuiteItem item, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        string[] ids = [.. item.Cells.Take(MostShown).Select(c => c.Id.Value)];
        await using StoreContext context = store.OpenContext();
        var known =
            await context.Cells.Where(c => ids.Contains(c.CellId)).GroupBy(c => c.CellId).Select(g => g.Max(c => c.Id))
                .ToArrayAsync(cancellationToken);
        var cells =
            await context.Cells.Where(c => known.Contains(c.Id)).Select(c => new { c.CellId, c.Seconds, c.Status, c.Reason })
                .ToArrayAsync(cancellationToken);
        return new SuiteForecast(
            cells.Length == 0 ? null : cells.Sum(c => c.Seconds), cells.Length,
            cells.Where(c => c.Status == "unsupported").ToImmutableDictionary(c => c.CellId, c => c.Reason ?? "unsupported"));
    }

    private async Task<SuiteItem> ReadAsync(string file, CancellationToken cancellationToken)
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(file);
        ImmutableArray<Schedule> planned = [.. schedules.List().Where(s => s.Suite == file)];
        try
        {
            Suite suite = SuiteLoader.Load(file);
            await using StoreContext context = store.OpenContext();
            string? last =
                await context.Runs.Where(r => r.Suite == suite.Name).OrderByDescending(r => r.StartedMs).Select(r => r.Id)
                    .FirstOrDefaultAsync(cancellationToken);
            return new SuiteItem(name, file, suite, null, SuitePlan.CellsOf(suite, [], null), planned, last);
        }
        catch (SuiteException e)
        {
            return new SuiteItem(name, file, null, e, [], planned, null);
        }
    }
}
