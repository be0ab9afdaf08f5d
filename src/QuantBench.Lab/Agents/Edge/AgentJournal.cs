using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// What an agent knows beside its runs: the jobs that the server doesn't have whole, its schedules, who it is. It lies in <c>.agent</c> in
/// the results root; results themselves are in the run folders and stay there.
/// </summary>
public sealed class AgentJournal : IDisposable
{
    private const string Folder = ".agent";
    private const string Ending = ".job.json";

    private readonly string _path;
    private readonly FileStream _lock;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, JournalEntry> _entries = new(StringComparer.Ordinal);

    private AgentJournal(string path, FileStream file, string instance) => (_path, _lock, Instance) = (path, file, instance);

    /// <summary>Tells this installation from another one.</summary>
    public string Instance { get; }

    /// <summary>Opens the journal of a results root; made when absent.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    /// <exception cref="RequestException">Another agent works with this results root.</exception>
    /// <exception cref="StoreException">It can't be read or written.</exception>
    public static AgentJournal Open(string resultsRoot)
    {
        string path = Path.Combine(Path.GetFullPath(resultsRoot), Folder);
        DiskFault.AsStore($"{path}: can't be made", null, () => Directory.CreateDirectory(path));
        FileStream file;
        try
        {
            file = new FileStream(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new RequestException($"{path}: another agent works here, or the folder can't be written: {e.Message}",
                "One agent for a results directory; give another one with --results.", e);
        }

        try
        {
            string named = Path.Combine(path, "instance");
            if (!File.Exists(named)) AtomicFile.Write(named, System.Text.Encoding.ASCII.GetBytes(Guid.NewGuid().ToString("N")));
            string instance = DiskFault.AsStore($"{named}: can't be read", null, () => File.ReadAllText(named).Trim());
            var journal = new AgentJournal(path, file, instance);
            journal.ReadEntries();
            return journal;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>All jobs that aren't whole at the server, by key.</summary>
    public ImmutableArray<JournalEntry> Entries()
    {
        lock (_gate) return [.. _entries.Values.OrderBy(e => e.Key, StringComparer.Ordinal)];
    }

    /// <summary>The entry of a name, or null.</summary>
    public JournalEntry? Find(string name)
    {
        lock (_gate) return _entries.GetValueOrDefault(name);
    }

    /// <summary>Makes or changes an entry; durable when it returns.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="change">Gives the new entry for the one that is there, null when there is none; a null result changes nothing.</param>
    public JournalEntry? Change(string name, Func<JournalEntry?, JournalEntry?> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (_gate)
        {
            if (change(_entries.GetValueOrDefault(name)) is not { } entry) return null;
            AtomicFile.Write(FileOf(name), JsonSerializer.SerializeToUtf8Bytes(entry, Json.Pretty));
            _entries[name] = entry;
            return entry;
        }
    }

    /// <summary>Forgets an entry: the server has all of it.</summary>
    public void Remove(string name)
    {
        lock (_gate)
        {
            _entries.Remove(name);
            DiskFault.AsStore($"{FileOf(name)}: can't be removed", null, () => File.Delete(FileOf(name)));
        }
    }

    /// <summary>Reads what was written under a name; null when there is nothing that can be read.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="name">The name.</param>
    public T? Read<T>(string name)
        where T : class
    {
        try
        {
            string file = Path.Combine(_path, name + ".json");
            return File.Exists(file) ? JsonSerializer.Deserialize<T>(File.ReadAllBytes(file), Json.Line) : null;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return null; // the server says it again
        }
    }

    /// <summary>Writes something under a name.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="name">The name.</param>
    /// <param name="value">The value.</param>
    public void Write<T>(string name, T value) =>
        AtomicFile.Write(Path.Combine(_path, name + ".json"), JsonSerializer.SerializeToUtf8Bytes(value, Json.Pretty));

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private string FileOf(string name) => Path.Combine(_path, name + Ending);

    private void ReadEntries()
    {
        foreach (string file in Directory.EnumerateFiles(_path, "*" + Ending))
        {
            // A file that can't be read is left: its run is in its folder, and 'sync' sends that.
            if (Read<JournalEntry>(Path.GetFileName(file)[..^".json".Length]) is { } entry) _entries[entry.Name] = entry;
        }
    }
}
