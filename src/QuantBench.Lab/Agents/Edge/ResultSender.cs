using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// Brings results of jobs to the server, cell by cell while they are measured: what the server has said that it has isn't sent again,
/// everything else is, as often as it takes.
/// </summary>
/// <param name="link">The way to the server.</param>
/// <param name="journal">The jobs.</param>
/// <param name="resultsRoot">Directory of all run folders.</param>
/// <param name="clock">The one clock.</param>
/// <param name="say">Receives what happens.</param>
public sealed class ResultSender(AgentLink link, AgentJournal journal, string resultsRoot, TimeProvider clock, Action<string> say)
    : IDisposable
{
    private const int MostCells = 200; // of one message
    private const int MostCharacters = 4 << 20;
    private const int LongestLog = 256 << 10;

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _wake = new(0, 1);

    /// <summary>Told what the server answers of a job: its name in the journal, and whether it shall stop.</summary>
    public event Action<string, bool>? Answered;

    /// <summary>Told that the server has all of a job.</summary>
    public event Action<string>? Done;

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();

    /// <summary>Says that there may be something to send.</summary>
    public void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake already.
        }
    }

    /// <summary>Sends what there is until it is stopped.</summary>
    /// <param name="cancellationToken">Stops.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        TimeSpan pause = s_look;
        string? said = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await SendAllAsync(cancellationToken);
                (pause, said) = (s_look, null);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is HttpRequestException or QuantBenchException or JsonException or IOException)
            {
                if (said != e.Message) say($"results wait here: {e.Message}");
                said = e.Message;
                pause = TimeSpan.FromSeconds(Math.Min(pause.TotalSeconds * 2, s_longestPause.TotalSeconds));
            }

            try
            {
                // Woken early only while all is well: a server that is away isn't asked after every cell.
                if (pause > s_look) await Task.Delay(pause, clock, cancellationToken);
                else await _wake.WaitAsync(s_look, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task SendAllAsync(CancellationToken cancellationToken)
    {
        Exception? first = null;
        foreach (JournalEntry entry in journal.Entries())
        {
            try
            {
                await SendAsync(entry, cancellationToken);
            }
            catch (RequestException e) when (entry.Job is not null || entry.RunId is not null)
            {
                await RefusedAsync(entry, e, cancellationToken);
            }
            catch (Exception e) when (e is StoreException or JsonException or IOException)
            {
                first ??= e; // what is wrong with one job keeps none of the others here
            }
        }

        if (first is not null) throw first;
    }

    // Sent again it would be refused again, and the machine would wait for ever: the job ends with the reason, the run stays here.
    private async Task RefusedAsync(JournalEntry entry, RequestException e, CancellationToken cancellationToken)
    {
        if (journal.Find(entry.Name) is not { Ended: not null } ended)
        {
            Answered?.Invoke(entry.Name, true);
            return;
        }

        say($"{entry.Key}: the server refused its results: {e.Explanation} They stay in {Path.Combine(resultsRoot, entry.RunId ?? "")}");
        if (ended.Job is not null)
        {
            try
            {
                await link.PostAsync<AgentEnd, object>($"agent/jobs/{ended.Job}/end",
                    new AgentEnd(ended.Epoch, "failed", $"the server refused its results: {e.Message}", null), cancellationToken);
            }
            catch (RequestException)
            {
                // It knows nothing of the job either.
            }
        }

        journal.Remove(entry.Name);
        Done?.Invoke(entry.Name);
    }

    private async Task SendAsync(JournalEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Job is null)
        {
            if (entry.RunId is null || entry.Schedule is null || entry.Due is not { } due) return;
            AdoptAnswer? adopted = await link.PostAsync<AgentAdopt, AdoptAnswer>("agent/adopt",
                new AgentAdopt(journal.Instance, entry.Schedule, due, entry.RunId), cancellationToken);
            if (adopted is null) return;
            entry = journal.Change(entry.Name, e => e is null ? null : e with { Job = adopted.Job, Epoch = adopted.Epoch }) ?? entry;
        }

        if (entry.RunId is { } runId && Directory.Exists(Path.Combine(resultsRoot, runId)))
        {
            while (await SendPartAsync(entry, runId, cancellationToken) is { } next) entry = next;
        }

        // What came while it was sent goes first.
        if (journal.Find(entry.Name) is not { Ended: { } ended } last) return;
        if (last.Sent != entry.Sent)
        {
            Wake();
            return;
        }

        await link.PostAsync<AgentEnd, object>($"agent/jobs/{last.Job}/end", new AgentEnd(last.Epoch, ended, last.Message, last.RunId),
            cancellationToken);
        // Crash point: the server knows, the entry is still here. It is sent again, and known.
        journal.Remove(last.Name);
        Done?.Invoke(last.Name);
    }

    // One message; null when nothing is left. A run without a new cell is sent too, once it has ended: its description changed.
    private async Task<JournalEntry?> SendPartAsync(JournalEntry entry, string runId, CancellationToken cancellationToken)
    {
        string folder = Path.Combine(resultsRoot, runId);
        bool ended = journal.Find(entry.Name)?.Ended is not null;
        // The description before the lines: when it says that the run is whole, every line is there.
        RunInfo info = RunFolder.ReadRecord(folder).Info;
        (ImmutableArray<SentCell> cells, bool more) = ReadCells(folder, entry.Sent);
        if (cells.IsEmpty && entry.Begun && !ended) return null;
        if (more && info.Status != RunStatus.Running) info = info with { Status = RunStatus.Running, Finished = null };
        ResultsAnswer? answer = await link.PostAsync<AgentResults, ResultsAnswer>($"agent/jobs/{entry.Job}/results?epoch={entry.Epoch}",
            new AgentResults(JsonSerializer.Serialize(info, Json.Line), cells), cancellationToken);
        if (answer is null) return null;
        JournalEntry? next = journal.Change(entry.Name, e => e is null ? null
            : e with { Begun = true, Sent = Math.Max(e.Sent, entry.Sent + cells.Length) });
        Answered?.Invoke(entry.Name, answer.Cancel || !answer.GoOn);
        return more && next is not null ? next : null;
    }

    private static (ImmutableArray<SentCell> Cells, bool More) ReadCells(string folder, int from)
    {
        string path = Path.Combine(folder, RunFolder.CellsFile);
        if (!File.Exists(path)) return ([], false);
        var cells = ImmutableArray.CreateBuilder<SentCell>();
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        int characters = 0;
        for (int number = 0; reader.ReadLine() is { } line; number++)
        {
            // Text behind the last newline is a line being written.
            if (reader.EndOfStream && !EndsWithNewline(stream)) break;
            if (number < from) continue;
            if (cells.Count >= MostCells || (characters > 0 && characters + line.Length > MostCharacters))
                return (cells.ToImmutable(), true);
            CellResult? cell = JsonSerializer.Deserialize<CellResult>(line, Json.Line);
            cells.Add(new SentCell(line, cell is null ? null : ReadLog(Path.Combine(folder, RunFolder.LogsFolder, $"{cell.Cell.Id}.log"))));
            characters += line.Length;
        }

        return (cells.ToImmutable(), false);
    }

    private static bool EndsWithNewline(FileStream stream)
    {
        if (stream.Length == 0) return false;
        stream.Position = stream.Length - 1;
        return stream.ReadByte() == '\n';
    }

    // A log's end says what happened.
    private static string? ReadLog(string path)
    {
        if (!File.Exists(path)) return null;
        string text = File.ReadAllText(path);
        return text.Length <= LongestLog ? text : string.Concat("… (cut)\n", text.AsSpan(text.Length - LongestLog));
    }
}
