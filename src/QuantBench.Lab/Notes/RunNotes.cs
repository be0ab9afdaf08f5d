using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Notes;

/// <summary>What people wrote about a run.</summary>
/// <param name="Note">Free text.</param>
/// <param name="Tags">Labels beside those the run was started with.</param>
public sealed record RunNote(string Note, ImmutableArray<string> Tags)
{
    /// <summary>Nothing.</summary>
    public static RunNote None { get; } = new("", []);
}

/// <summary>Notes and tags of runs; the runs' own files are never changed.</summary>
/// <param name="database">The database.</param>
/// <param name="audit">Receives every change.</param>
public sealed class RunNotes(LabDatabase database, AuditLog audit)
{
    /// <summary>Longest note.</summary>
    public const int LongestNote = 4000;

    /// <summary>Longest tag, and most tags.</summary>
    public const int LongestTag = 64;

    /// <summary>The note of a run.</summary>
    public RunNote Of(string runId) =>
        database.Query(r => Make(r.GetString(0), r.GetString(1)), "SELECT note, tags FROM run_notes WHERE run_id = $1", runId)
            .FirstOrDefault() ?? RunNote.None;

    /// <summary>All notes by run.</summary>
    public ImmutableDictionary<string, RunNote> All() =>
        database.Query(r => (Id: r.GetString(0), Note: Make(r.GetString(1), r.GetString(2))), "SELECT run_id, note, tags FROM run_notes")
            .ToImmutableDictionary(r => r.Id, r => r.Note);

    /// <summary>Replaces the note of a run.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="note">The note; cut at <see cref="LongestNote"/>.</param>
    /// <param name="actor">Who.</param>
    public void Set(string runId, RunNote note, string actor)
    {
        ArgumentNullException.ThrowIfNull(note);
        RunNote before = Of(runId);
        string text = note.Note.Length > LongestNote ? note.Note[..LongestNote] : note.Note;
        string tags = JsonSerializer.Serialize(
            note.Tags.Select(t => t.Trim()).Where(t => t.Length is > 0 and <= LongestTag).Distinct(StringComparer.Ordinal).Take(LongestTag),
            Json.Line);
        database.Execute(
            "INSERT INTO run_notes (run_id, note, tags) VALUES ($1, $2, $3) ON CONFLICT (run_id) DO UPDATE SET note = excluded.note, tags "
                + "= excluded.tags", runId, text, tags);
        RunNote after = Of(runId);
        audit.Write(actor, "run.note", runId, Line(before), Line(after));
    }

    private static RunNote Make(string note, string tags) => new(note, JsonSerializer.Deserialize<ImmutableArray<string>>(tags, Json.Line));

    private static string Line(RunNote note) => $"{note.Note} [{string.Join(", ", note.Tags)}]";
}
