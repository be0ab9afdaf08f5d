using System.Collections.Immutable;
using System.Data;
using System.Data.Common;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Store;

/// <summary>
/// The store: by default <c>results.db</c> (SQLite, WAL) in the results root, or a PostgreSQL database that the machines of a lab share. Of
/// the runs made here it is an index of their folders, never the only copy: <see cref="Reindex"/> brings it up to date. Writing is one
/// thread's at a time; contexts, readers and watches may be opened by any. Several processes may have it open.
/// </summary>
public sealed class ResultStore : IDisposable
{
    /// <summary>Name of SQLite's file in the results root.</summary>
    public const string FileName = "results.db";

    private readonly StoreDatabase _database;
    private readonly bool _owned;
    private DbConnection _connection;
    private StoreWriter _writer;

    private ResultStore(string root, StoreDatabase database, bool owned)
    {
        (Root, _database, _owned) = (root, database, owned);
        (_connection, _writer) = Connect();
    }

    /// <summary>Absolute path of the results root.</summary>
    public string Root { get; }

    /// <summary>Where the database is, for people: a file, or a database and its server.</summary>
    public string Location => _database.Shown;

    /// <summary>Whether other machines may write to it too.</summary>
    public bool IsShared => _database.IsShared;

    /// <summary>Opens the store of a results root; makes or migrates its tables when they are missing or older than this program.</summary>
    /// <param name="resultsRoot">Directory of all run folders; made when absent.</param>
    /// <param name="address">Which database; null for SQLite in the results root.</param>
    /// <exception cref="StoreException">The database can't be opened, isn't one, or is newer than this program.</exception>
    public static ResultStore Open(string resultsRoot, StoreAddress? address = null)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        string root = Path.GetFullPath(resultsRoot);
        StoreDatabase database = (address ?? StoreAddress.Default).Open(root);
        try
        {
            Directory.CreateDirectory(root);
            return new ResultStore(root, database, owned: true);
        }
        catch (Exception e)
        {
            database.Dispose();
            if (e is not StoreException && database.Explain("can't be opened", e) is { } known) throw known;
            throw;
        }
    }

    /// <summary>The same store for another thread that writes; dispose it before this one.</summary>
    /// <exception cref="StoreException">The database can't be opened.</exception>
    public ResultStore Again()
    {
        try
        {
            return new ResultStore(Root, _database, owned: false);
        }
        catch (Exception e) when (e is not StoreException && _database.Explain("can't be opened", e) is { } known)
        {
            throw known;
        }
    }

    /// <summary>Adds a run or brings its row up to date.</summary>
    /// <param name="info">The run.</param>
    /// <param name="folder">Its folder; null when it lies under the results root by its id.</param>
    /// <exception cref="StoreException">The database can't be written.</exception>
    public void IndexRun(RunInfo info, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        Write(transaction => _writer.Run(info, Relative(folder ?? Path.Combine(Root, info.Id)), transaction));
    }

    /// <summary>Adds a cell's result or replaces it; the cost doesn't depend on how many cells there are.</summary>
    /// <param name="runId">A run that <see cref="IndexRun"/> has added.</param>
    /// <param name="result">The result.</param>
    /// <exception cref="StoreException">The database can't be written, or the run isn't in it.</exception>
    public void IndexCell(string runId, CellResult result)
    {
        ArgumentNullException.ThrowIfNull(runId);
        ArgumentNullException.ThrowIfNull(result);
        Write(transaction => _writer.Cell(runId, result, transaction));
    }

    /// <summary>Puts a whole run in the place of what the store has of it, in one transaction.</summary>
    /// <param name="info">The run.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="cells">All of its cells, each once.</param>
    /// <exception cref="StoreException">The database can't be written.</exception>
    public void IndexWhole(RunInfo info, string folder, IReadOnlyList<CellResult> cells)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(cells);
        Write(transaction => Replace(info, folder, cells, transaction));
    }

    /// <summary>Puts a folder's run in the place of what the store has of it.</summary>
    /// <param name="path">The run's folder.</param>
    /// <exception cref="StoreException">The folder is broken, or the database can't be written.</exception>
    public void IndexFolder(string path)
    {
        RunRecord run = RunFolder.ReadRecord(path);
        IndexWhole(run.Info, path, run.Cells);
    }

    /// <summary>Whether the store has a run.</summary>
    /// <param name="runId">The run's id.</param>
    /// <exception cref="StoreException">The database can't be read.</exception>
    public bool Has(string runId)
    {
        try
        {
            using StoreContext context = OpenContext();
            return context.Runs.Any(r => r.Id == runId);
        }
        catch (Exception e) when (Explain(e) is { } known)
        {
            throw known;
        }
    }

    /// <summary>Takes in run folders that the store doesn't know, or not as completed: copied here, or recorded while it couldn't be
    /// written. Reads only those; broken ones are left out.</summary>
    /// <returns>Number of runs added or renewed.</returns>
    public int CatchUp()
    {
        HashSet<string> whole;
        using (StoreContext context = OpenContext()) whole = [.. context.Runs.Where(r => r.Status == "completed").Select(r => r.Id)];
        int renewed = 0;
        foreach (RunEntry entry in new RunCatalog(Root).List())
        {
            // A run that goes on is renewed by its runner; one that both call completed is whole.
            if (entry.Info is not { } info || (info.Status == RunStatus.Completed && whole.Contains(info.Id))) continue;
            try
            {
                IndexFolder(entry.Path);
                renewed++;
            }
            catch (StoreException)
            {
                // A broken folder is listed as broken by 'quantbench results list'; the others are shown.
            }
        }

        return renewed;
    }

    /// <summary>Takes a run and all of its cells out of the store; its folder stays.</summary>
    /// <param name="runId">The run's id.</param>
    /// <returns>False when the run wasn't there.</returns>
    public bool RemoveRun(string runId)
    {
        bool removed = false;
        Write(transaction => removed = _writer.Remove(runId, transaction));
        return removed;
    }

    /// <summary>
    /// Brings the store up to date with the run folders under the results root, in one transaction: readers see the old state or the new.
    /// Runs without a folder here are removed, except from a shared store, where they are other machines'.
    /// </summary>
    /// <exception cref="StoreException">The database can't be written.</exception>
    public ReindexReport Reindex()
    {
        int runs = 0;
        int cells = 0;
        var skipped = ImmutableArray.CreateBuilder<RunEntry>();
        Write(transaction =>
        {
            if (!IsShared)
            {
                using DbCommand clear = _connection.CreateCommand();
                clear.Transaction = transaction;
                clear.CommandText = "DELETE FROM runs";
                clear.ExecuteNonQuery();
            }

            foreach (RunEntry entry in new RunCatalog(Root).List())
            {
                if (entry.Info is null)
                {
                    skipped.Add(entry);
                    continue;
                }

                RunRecord run;
                try
                {
                    run = RunFolder.ReadRecord(entry.Path);
                }
                catch (StoreException e)
                {
                    skipped.Add(entry with { Problem = e.Message });
                    continue;
                }

                Replace(run.Info, entry.Path, run.Cells, transaction);
                runs++;
                cells += run.Cells.Length;
            }
        });
        return new ReindexReport(runs, cells, skipped.ToImmutable());
    }

    /// <summary>A run with all of its cells and raw samples, from the store alone; null when it doesn't have it. Cells of variants this
    /// program doesn't know are left out.</summary>
    /// <param name="runId">The run's id.</param>
    /// <exception cref="StoreException">The database can't be read.</exception>
    public RunRecord? ReadRecord(string runId)
    {
        try
        {
            using StoreContext context = OpenContext();
            if (context.Runs.FirstOrDefault(r => r.Id == runId) is not { } run) return null;
            CellRow[] cells = [.. context.Cells.Where(c => c.RunId == runId).OrderBy(c => c.Id)];
            ILookup<long, Measurement> measured = (
                from c in context.Cells
                join m in context.Measurements on c.Id equals m.CellRowId
                join s in context.Samples on m.Id equals s.MeasurementId into all
                from s in all.DefaultIfEmpty()
                where c.RunId == runId
                orderby m.Id
                select new { m, Data = s == null ? null : s.Data })
                .ToLookup(x => x.m.CellRowId, x => RowReading.Measurement(x.m, x.Data is null ? null : SampleRow.Unpack(x.Data)));
            return new RunRecord(RowReading.Run(run), [.. cells.Select(c => RowReading.Cell(c, [.. measured[c.Id]])).OfType<CellResult>()]);
        }
        catch (Exception e) when (Explain(e) is { } known)
        {
            throw known;
        }
    }

    /// <summary>A context for queries, with a connection of its own; dispose it. Rows are not to be changed through it.</summary>
    internal StoreContext OpenContext() => _database.Context();

    /// <summary>Something to read figures with; dispose it before the store.</summary>
    /// <exception cref="StoreException">The database can't be opened.</exception>
    public AggregateReader OpenReader() => AggregateReader.Of(_database, owned: false);

    /// <summary>Sees changes made by any process; dispose it before the store.</summary>
    /// <exception cref="StoreException">The database can't be opened.</exception>
    public StoreWatch Watch()
    {
        try
        {
            return _database.Watch();
        }
        catch (Exception e) when (_database.Explain("can't be watched", e) is { } known)
        {
            throw known;
        }
    }

    /// <summary>What a fault of a context means, with what to do; null when it isn't the database's.</summary>
    /// <param name="e">The fault.</param>
    public StoreException? Explain(Exception e)
    {
        for (Exception? at = e; at is not null; at = at.InnerException)
        {
            if (at is DbException) return _database.Explain("can't be read", e);
        }

        return e as StoreException;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _connection.Dispose();
        if (_owned) _database.Dispose();
    }

    private (DbConnection Connection, StoreWriter Writer) Connect()
    {
        DbConnection connection = _database.Connect();
        try
        {
            if (_owned) _database.EnsureSchema(connection);
            return (connection, _database.Writer(connection));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Replace(RunInfo info, string folder, IReadOnlyList<CellResult> cells, DbTransaction transaction)
    {
        _writer.Remove(info.Id, transaction);
        _writer.Run(info, Relative(folder), transaction);
        _writer.NewCells(info.Id, cells, transaction);
    }

    private string Relative(string folder)
    {
        string relative = Path.GetRelativePath(Root, folder);
        return relative.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(folder) : relative;
    }

    private void Write(Action<DbTransaction> write)
    {
        try
        {
            // A server may have been restarted since the last cell, hours ago.
            if (_connection.State != ConnectionState.Open)
            {
                _writer.Dispose();
                _connection.Dispose();
                (_connection, _writer) = Connect();
            }

            using DbTransaction transaction = _connection.BeginTransaction();
            write(transaction);
            _database.Announce(transaction);
            transaction.Commit();
        }
        catch (Exception e) when (e is not StoreException && _database.Explain("can't be written", e) is { } known)
        {
            throw known;
        }
    }
}
