using System.Collections.Immutable;

namespace QuantBench.Lab.State;

/// <summary>
/// The tables of <c>lab.db</c>, as steps: step n brings a database of version n to n + 1. A step that was released is never changed; to
/// change the schema, add one.
/// </summary>
internal static partial class LabSchema
{
    public static readonly ImmutableArray<string> Steps =
    [
        """
        CREATE TABLE schedules (
            name TEXT PRIMARY KEY, suite TEXT NOT NULL, cron TEXT NOT NULL, zone TEXT NOT NULL, catch_up TEXT NOT NULL,
            paused INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL, created_ms INTEGER NOT NULL, planned_ms INTEGER NOT NULL);
        CREATE TABLE occurrences (
            id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, schedule TEXT, suite TEXT NOT NULL,
                only_cells TEXT NOT NULL DEFAULT '[]',
            due_ms INTEGER NOT NULL, state TEXT NOT NULL, run_id TEXT, started_ms INTEGER, ended_ms INTEGER, message TEXT,
                actor TEXT NOT NULL,
            cancel INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX occurrences_state ON occurrences (state);
        CREATE INDEX occurrences_schedule ON occurrences (schedule, due_ms);
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL,
            before TEXT, after TEXT, detail TEXT);
        CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TABLE accounts (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, normalized TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password_hash TEXT NOT NULL,
            stamp TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0, lockout_end_ms INTEGER, created_ms INTEGER NOT NULL);
        CREATE TABLE api_keys (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, role TEXT NOT NULL, prefix TEXT NOT NULL,
                hash BLOB NOT NULL UNIQUE,
            created_ms INTEGER NOT NULL, last_used_ms INTEGER, revoked_ms INTEGER);
        CREATE TABLE run_notes (run_id TEXT PRIMARY KEY, note TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '[]');
        CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
        """,
        """
        CREATE TABLE change_reviews (
            metric TEXT NOT NULL, cell_id TEXT NOT NULL, machine_id TEXT NOT NULL, run_id TEXT NOT NULL, actor TEXT NOT NULL,
                at_ms INTEGER NOT NULL,
            note TEXT NOT NULL DEFAULT '', PRIMARY KEY (metric, cell_id, machine_id, run_id));
        """,
        """
        CREATE TABLE suite_approvals (
            file TEXT NOT NULL, sha256 TEXT NOT NULL, actor TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (file, sha256));
        INSERT INTO settings (name, value) SELECT 'approve_schedules', '1' WHERE EXISTS (SELECT 1 FROM schedules);
        """,
        """
        CREATE TABLE ended_logins (id TEXT PRIMARY KEY, until_ms INTEGER NOT NULL);
        """,
        """
        CREATE TABLE machines (
            name TEXT PRIMARY KEY, key_id TEXT NOT NULL, instance TEXT NOT NULL, version TEXT NOT NULL, labels TEXT NOT NULL,
            health TEXT NOT NULL DEFAULT '{}', first_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, drained INTEGER NOT NULL DEFAULT 0,
            note TEXT NOT NULL DEFAULT '');
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY, occurrence INTEGER NOT NULL, key TEXT NOT NULL, target TEXT, suite TEXT NOT NULL,
            suite_text TEXT NOT NULL, only_cells TEXT NOT NULL, tags TEXT NOT NULL, placement TEXT NOT NULL, priority INTEGER NOT NULL,
            created_ms INTEGER NOT NULL, state TEXT NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
            machine TEXT, instance TEXT, claim TEXT, expires_ms INTEGER, run_id TEXT, cells INTEGER NOT NULL DEFAULT 0,
            ended_ms INTEGER, message TEXT, cancel INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX jobs_state ON jobs (state, priority, created_ms);
        CREATE INDEX jobs_occurrence ON jobs (occurrence);
        CREATE TABLE job_runs (
            run_id TEXT PRIMARY KEY, job TEXT NOT NULL, epoch INTEGER NOT NULL, machine TEXT NOT NULL, state TEXT NOT NULL,
            cells INTEGER NOT NULL DEFAULT 0, at_ms INTEGER NOT NULL, message TEXT);
        CREATE INDEX job_runs_job ON job_runs (job);
        """,
        """
        ALTER TABLE occurrences ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE occurrences ADD COLUMN cells INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE machines ADD COLUMN unfit TEXT;
        ALTER TABLE machines ADD COLUMN unfit_ms INTEGER;
        CREATE TABLE alerts (
            key TEXT PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, at_ms INTEGER NOT NULL, hook_ms INTEGER, mail_ms INTEGER,
            problem TEXT);
        """,
    ];

    /// <summary>Every table, in an order in which they can be filled, with the one that numbers its rows by itself marked.</summary>
    public static readonly ImmutableArray<(string Name, bool Numbered)> Tables =
    [
        ("schedules", false), ("occurrences", true), ("audit", true), ("accounts", false), ("api_keys", false), ("run_notes", false),
        ("settings", false), ("change_reviews", false), ("suite_approvals", false), ("ended_logins", false), ("machines", false),
        ("jobs", false), ("job_runs", false), ("alerts", false),
    ];
}
