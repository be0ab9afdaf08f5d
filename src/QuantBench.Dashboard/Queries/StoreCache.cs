using QuantBench.Analysis.Formatting;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>Keeps answers until the store changes, and whole runs until their folder does. Bounded, so that many runs don't fill
/// the memory.</summary>
internal sealed class StoreCache
{
    private const int MostRecords = 16;
    private const int MostAnswers = 256;

    private readonly Dictionary<string, (long Version, Task<object> Value)> _answers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly LinkedList<(string Id, long Stamp, RunRecord Record)> _records = [];
    private long _version;

    /// <summary>Number that grows with every change of the store.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Forgets every answer.</summary>
    public void Changed() => Interlocked.Increment(ref _version);

    /// <summary>The answer of a name, asked for at most once per version of the store.</summary>
    /// <param name="name">Name of the question.</param>
    /// <param name="ask">Finds the answer.</param>
    public async Task<T> GetAsync<T>(string name, Func<Task<T>> ask)
        where T : notnull
    {
        // What is kept holds words with units in them.
        if (ByteUnits.IsDecimal) name = "decimal " + name;
        while (true)
        {
            long version = Version;
            Task<object>? kept = null;
            TaskCompletionSource<object>? mine = null;
            lock (_gate)
            {
                if (_answers.TryGetValue(name, out (long Version, Task<object> Value) have) && have.Version == version
                    && !have.Value.IsFaulted && !have.Value.IsCanceled) kept = have.Value;
                else
                {
                    mine = new TaskCompletionSource<object>(TaskCreationOptions.RunContinuationsAsynchronously);
                    if (_answers.Count > MostAnswers) _answers.Clear();
                    _answers[name] = (version, mine.Task);
                }
            }

            if (mine is not null) return await AskAsync(ask, mine);
            try
            {
                return (T)await kept!; // one of both is set
            }
            catch (OperationCanceledException)
            {
                // Whoever asked first has left: asked anew, for this reader.
            }
        }
    }

    /// <summary>A run with its samples.</summary>
    /// <param name="entry">The run.</param>
    /// <param name="reader">Reads it.</param>
    public RunRecord Record(RunEntry entry, RunReader reader)
    {
        long stamp = entry.Path.Length > 0 ? Stamp(entry.Path) : Version;
        lock (_gate)
        {
            for (LinkedListNode<(string Id, long Stamp, RunRecord Record)>? at = _records.First; at is not null; at = at.Next)
            {
                if (at.Value.Id != entry.Id) continue;
                _records.Remove(at);
                if (at.Value.Stamp != stamp) break;
                _records.AddFirst(at);
                return at.Value.Record;
            }
        }

        RunRecord record = reader.ReadWhole(entry);
        lock (_gate)
        {
            _records.AddFirst((entry.Id, stamp, record));
            if (_records.Count > MostRecords) _records.RemoveLast();
        }

        return record;
    }

    // The cells' file only grows; run.json is replaced.
    private static long Stamp(string folder)
    {
        var cells = new FileInfo(Path.Combine(folder, RunFolder.CellsFile));
        var run = new FileInfo(Path.Combine(folder, RunFolder.RunFile));
        return HashCode.Combine(cells.Exists ? cells.Length : 0, cells.Exists ? cells.LastWriteTimeUtc.Ticks : 0,
            run.Exists ? run.LastWriteTimeUtc.Ticks : 0);
    }

    private static async Task<T> AskAsync<T>(Func<Task<T>> ask, TaskCompletionSource<object> answer)
        where T : notnull
    {
        try
        {
            T found = await ask();
            answer.SetResult(found);
            return found;
        }
        catch (OperationCanceledException)
        {
            answer.SetCanceled(CancellationToken.None);
            throw;
        }
        catch (Exception e)
        {
            answer.SetException(e);
            _ = answer.Task.Exception; // seen, also when nobody else waits
            throw;
        }
    }
}
