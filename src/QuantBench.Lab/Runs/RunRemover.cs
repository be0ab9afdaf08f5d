using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Lab.Runs;

/// <summary>Takes runs away: the folder goes to the trash, the rows go from the store, and the audit log gets a line.</summary>
/// <param name="store">The store.</param>
/// <param name="audit">The audit log.</param>
/// <param name="clock">The one clock.</param>
public sealed class RunRemover(ResultStore store, AuditLog audit, TimeProvider clock)
{
    /// <summary>Action of the audit log's line.</summary>
    public const string Action = "run.remove";

    private readonly RunTrash _trash = new(store.Root);

    /// <summary>Removes a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">Its folder; it needn't be there.</param>
    /// <param name="actor">Who asks.</param>
    /// <exception cref="RequestException">It can't be removed.</exception>
    /// <exception cref="StoreException">The disk or the store refused.</exception>
    public void Remove(RunInfo run, string folder, string actor)
    {
        if (!TryRemove(run, folder, actor, out string? refusal))
            throw new RequestException($"run {run.Id} can't be removed: {refusal}.", "Cancel it first, or remove its folder by hand.");
    }

    /// <summary>Removes a run, if it can be.</summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">Its folder; it needn't be there.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="refusal">Why it can't; null when it could.</param>
    /// <exception cref="StoreException">The disk or the store refused.</exception>
    public bool TryRemove(RunInfo run, string folder, string actor, out string? refusal)
    {
        ArgumentNullException.ThrowIfNull(run);
        refusal = Refusal(run, folder);
        if (refusal is not null) return false;
        if (Directory.Exists(folder)) _trash.Put(folder, clock.GetUtcNow());
        // Crash point: the folder is in the trash, its rows are still here. A reindex, or the next sweep, removes them.
        using (ResultStore own = store.Again()) own.RemoveRun(run.Id); // the shared store is one thread's at a time
        audit.Write(actor, Action, run.Id, $"{run.Suite}, started {run.Started:yyyy-MM-dd}", "in the trash");
        return true;
    }

    // Only what is a run's folder right under the results: a row that says otherwise isn't followed.
    private string? Refusal(RunInfo run, string folder)
    {
        if (!RunFolder.IsValidId(run.Id)
            || Path.GetDirectoryName(Path.GetFullPath(folder)) != Path.GetFullPath(store.Root).TrimEnd(Path.DirectorySeparatorChar))
            return "its folder doesn't lie in the results";
        if (!Directory.Exists(folder)) return null;
        if (!File.Exists(Path.Combine(folder, RunFolder.RunFile))) return "its folder holds no run";
        return RunFolder.WriterProcess(folder) is { } process ? $"process {process} is measuring it" : null;
    }
}
