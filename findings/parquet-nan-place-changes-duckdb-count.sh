#!/bin/sh
# Parquet.Net 6.1.0 writing, DuckDB 1.5.6 (DuckDB.NET 1.5.6.1) reading: the same three numbers 1, 5 and NaN in one row group, and the answer
# to "how many are greater than 1e308" hangs on their order. With the NaN first no statistics are written and DuckDB counts it (in its
# order NaN is greater than every number); with another value first the statistics say 1 to 5 and the row group is skipped. Measurements
# that may be NaN go into such files as null.
# Sources: https://www.nuget.org/packages/Parquet.Net/6.1.0, https://www.nuget.org/packages/DuckDB.NET.Data.Full/1.5.6.1. Needs the .NET 10
# SDK. Fails when the behaviour changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >finding.cs <<'CS'
#:package Parquet.Net@6.1.0
#:package DuckDB.NET.Data.Full@1.5.6.1
#:property PublishAot=false
using DuckDB.NET.Data;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

foreach (double[] values in new[] { new[] { 1, double.NaN, 5 }, [double.NaN, 1, 5] })
{
    string path = Path.Combine(Environment.CurrentDirectory, "numbers.parquet");
    var schema = new ParquetSchema(new DataField<double>("x"));
    using (Stream file = File.Create(path))
    await using (ParquetWriter writer = await ParquetWriter.CreateAsync(schema, file))
    {
        using ParquetRowGroupWriter group = writer.CreateRowGroup();
        await group.WriteAsync<double>(schema.DataFields[0], values);
    }
    using var connection = new DuckDBConnection("Data Source=:memory:");
    connection.Open();
    using var command = connection.CreateCommand();
    command.CommandText = $"SELECT count(*) FROM '{path}' WHERE x > 1e308";
    Console.WriteLine($"{string.Join(' ', values)}: {command.ExecuteScalar()}");
}
CS
seen=$(dotnet run finding.cs)
expected='1 NaN 5: 0
NaN 1 5: 1'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
