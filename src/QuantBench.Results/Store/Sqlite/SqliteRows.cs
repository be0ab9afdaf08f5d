using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace QuantBench.Results.Store.Sqlite;

/// <summary>Columns are taken from the statement itself: large runs have a million of them.</summary>
internal sealed class SqliteRows : StoreRows
{
    private readonly SqliteCommand _command;
    private readonly SqliteDataReader _reader;

    public SqliteRows(SqliteCommand command)
    {
        _command = command;
        try
        {
            _reader = command.ExecuteReader();
        }
        catch
        {
            command.Dispose();
            throw;
        }
    }

    // There is a statement while there is a row, and nobody asks before.
    private sqlite3_stmt Row => _reader.Handle!;

    public override bool Read() => _reader.Read();

    public override bool IsNull(int column) => raw.sqlite3_column_type(Row, column) == raw.SQLITE_NULL;

    public override long Int64(int column) => raw.sqlite3_column_int64(Row, column);

    // NULL reads as 0, so that only a 0 needs a second look.
    public override double? Number(int column) =>
        raw.sqlite3_column_double(Row, column) is var number && number == 0 && IsNull(column) ? null : number;

    public override string Text(int column) => raw.sqlite3_column_text(Row, column).utf8_to_string() ?? "";

    public override T Text<T>(int column, TextColumn<T> texts) => texts.Read(raw.sqlite3_column_blob(Row, column)); // of a text: its UTF-8

    public override void Dispose()
    {
        _reader.Dispose();
        _command.Dispose();
    }
}
