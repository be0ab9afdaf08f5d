using Npgsql;

namespace QuantBench.Results.Store.Postgres;

/// <summary>Rows of an answer; disposing them gives the connection back.</summary>
internal sealed class PostgresRows : StoreRows
{
    private readonly NpgsqlCommand _command;
    private readonly NpgsqlDataReader _reader;

    public PostgresRows(NpgsqlCommand command)
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

    public override bool Read() => _reader.Read();

    public override bool IsNull(int column) => _reader.IsDBNull(column);

    public override long Int64(int column) => _reader.IsDBNull(column) ? 0 : _reader.GetInt64(column);

    public override double? Number(int column) => _reader.IsDBNull(column) ? null : _reader.GetDouble(column);

    public override string Text(int column) => _reader.IsDBNull(column) ? "" : _reader.GetString(column);

    public override T Text<T>(int column, TextColumn<T> texts) => texts.Read(_reader.IsDBNull(column) ? "" : _reader.GetString(column));

    public override void Dispose()
    {
        _reader.Dispose();
        _command.Dispose();
    }
}
