using System.Buffers;
using System.Data.Common;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Results.Store;

namespace QuantBench.Lab.State;

/// <summary>
/// All of a lab's state as one file: gzip of JSON lines, the first of which says what it is and every other one of which is a row. It holds
/// password hashes, and no key or password itself. The same file goes into <c>lab.db</c> and into PostgreSQL.
/// </summary>
public static class LabCopy
{
    private const string Kind = "quantbench-lab";
    private const int Version = 1;
    private const int LongestLine = 16 << 20;

    /// <summary>Writes a copy, of one moment.</summary>
    /// <param name="database">The lab's state.</param>
    /// <param name="output">Receives it; stays open.</param>
    /// <returns>Number of rows.</returns>
    public static int Write(LabDatabase database, Stream output)
    {
        ArgumentNullException.ThrowIfNull(database);
        int rows = 0;
        using var packed = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
        WriteLine(packed, json =>
        {
            json.WriteString("kind", Kind);
            json.WriteNumber("version", Version);
        });
        database.InTransaction(work =>
        {
            if (database.IsShared) work.Execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
            foreach ((string table, _) in LabSchema.Tables)
            {
                foreach (KeyValuePair<string, object?>[] row in work.Query(ReadRow, $"SELECT * FROM {table}"))
                {
                    WriteLine(packed, json =>
                    {
                        json.WriteString("table", table);
                        json.WriteStartObject("row");
                        foreach ((string column, object? value) in row) WriteValue(json, column, value);
                        json.WriteEndObject();
                    });
                    rows++;
                }
            }
        });
        return rows;
    }

    /// <summary>Takes a copy in; the lab's state must be empty.</summary>
    /// <param name="database">The lab's state.</param>
    /// <param name="input">What <see cref="Write"/> wrote.</param>
    /// <returns>Number of rows.</returns>
    /// <exception cref="StoreException">There is something already, or it is no such copy; nothing was changed.</exception>
    public static int Read(LabDatabase database, Stream input)
    {
        ArgumentNullException.ThrowIfNull(database);
        int rows = 0;
        try
        {
            using var packed = new GZipStream(input, CompressionMode.Decompress, leaveOpen: true);
            using var text = new StreamReader(packed);
            if (text.ReadLine() is not { Length: < 1000 } first || !IsHead(first)) throw NoCopy("its first line isn't one's");
            database.InTransaction(work =>
            {
                if (!IsEmpty(work))
                {
                    throw new StoreException($"{database.Shown}: holds a lab's accounts, schedules or queue already.",
                        "Restore into a new results directory, or an empty database.");
                }

                Dictionary<string, string[]> columns = LabSchema.Tables.ToDictionary(t => t.Name,
                    t => ColumnsOf(work, t.Name), StringComparer.Ordinal);
                while (text.ReadLine() is { } line)
                {
                    if (line.Length > LongestLine) throw NoCopy("a line is too long");
                    Insert(work, columns, line);
                    rows++;
                }

                if (!database.IsShared) return;
                foreach ((string table, _) in LabSchema.Tables.Where(t => t.Numbered))
                {
                    work.Execute($"SELECT setval(pg_get_serial_sequence('lab.{table}', 'id'), "
                        + $"greatest(1, (SELECT coalesce(max(id), 1) FROM {table})))");
                }
            });
            return rows;
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or FormatException or InvalidOperationException
            or KeyNotFoundException)
        {
            throw NoCopy(e.Message);
        }
    }

    /// <summary>Moves a results root's lab from <c>lab.db</c> into the PostgreSQL database of its store.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    /// <param name="store">Where results are stored.</param>
    /// <returns>Rows that were moved; null when a lab was there already, which this results root joins.</returns>
    /// <exception cref="StoreException">The store is none that can be shared, or can't be written.</exception>
    public static int? Share(string resultsRoot, StoreAddress store)
    {
        string root = Path.GetFullPath(resultsRoot);
        if (LabDatabase.IsSharedBy(root))
            throw new StoreException($"{root}: its lab lies in PostgreSQL already.", "Nothing is left to do.");
        using LabDatabase own = LabDatabase.OpenOwn(root);
        using LabDatabase shared = LabDatabase.OpenShared(root, store);
        int? moved = null;
        if (shared.Query(r => r.GetInt64(0), "SELECT count(*) FROM accounts")[0]
            + shared.Query(r => r.GetInt64(0), "SELECT count(*) FROM audit")[0] == 0)
        {
            using var copy = new MemoryStream();
            Write(own, copy);
            copy.Position = 0;
            moved = Read(shared, copy);
        }

        // Crash point: the rows are there, the mark isn't. The same command again finds a lab and joins it: its own.
        DiskFault.AsStore($"{root}: can't be marked as sharing its lab", null, () =>
        {
            File.WriteAllText(Path.Combine(root, LabDatabase.SharedFile),
                "Accounts, keys, schedules, the queue, notes and the audit log lie in the PostgreSQL database of the results.\n");
            File.Move(own.Path, own.Path + ".before-share", overwrite: true);
        });
        return moved;
    }

    private static bool IsEmpty(DbConnection work) =>
        LabSchema.Tables.All(t => work.Query(r => r.GetInt64(0), $"SELECT count(*) FROM {t.Name}")[0] == 0);

    private static string[] ColumnsOf(DbConnection work, string table)
    {
        using DbCommand command = work.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: a table of the schema.
        command.CommandText = $"SELECT * FROM {table} LIMIT 0";
#pragma warning restore CA2100
        using DbDataReader reader = command.ExecuteReader();
        return [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
    }

    private static KeyValuePair<string, object?>[] ReadRow(DbDataReader row) =>
        [.. Enumerable.Range(0, row.FieldCount).Select(i => KeyValuePair.Create(row.GetName(i), row.IsDBNull(i) ? null : row.GetValue(i)))];

    private static void Insert(DbConnection work, Dictionary<string, string[]> columns, string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        string table = document.RootElement.GetProperty("table").GetString() ?? "";
        string[] known = columns[table];
        var names = new List<string>();
        var values = new List<object?>();
        foreach (JsonProperty field in document.RootElement.GetProperty("row").EnumerateObject())
        {
            // A name goes into the statement only when the table has it.
            names.Add(known.FirstOrDefault(k => k == field.Name) ?? throw NoCopy($"table '{table}' has no column '{field.Name}'"));
            values.Add(field.Value.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.Number => field.Value.GetInt64(),
                JsonValueKind.Object => field.Value.GetProperty("bytes").GetBytesFromBase64(),
                _ => field.Value.GetString(),
            });
        }

        work.Execute($"INSERT INTO {table} ({string.Join(", ", names)}) VALUES "
            + $"({string.Join(", ", Enumerable.Range(1, names.Count).Select(n => string.Create(CultureInfo.InvariantCulture, $"${n}")))})",
            [.. values]);
    }

    private static bool IsHead(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("kind").GetString() == Kind
            && document.RootElement.GetProperty("version").GetInt32() == Version;
    }

    private static void WriteLine(Stream output, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        output.Write(buffer.WrittenSpan);
        output.WriteByte((byte)'\n');
    }

    private static void WriteValue(Utf8JsonWriter json, string column, object? value)
    {
        switch (value)
        {
            case null: json.WriteNull(column); break;
            case long number: json.WriteNumber(column, number); break;
            case byte[] bytes:
                json.WriteStartObject(column);
                json.WriteBase64String("bytes", bytes);
                json.WriteEndObject();
                break;
            default: json.WriteString(column, Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    private static StoreException NoCopy(string why) => new($"that is no copy of a lab's state: {why}.",
        "One is made by 'quantbench lab backup FILE'.");
}
