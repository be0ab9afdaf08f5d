using Xunit;

namespace QuantBench.TestKit.Databases;

/// <summary>A test with a real PostgreSQL server; skipped with its reason where there is none, unless QB_REQUIRE_POSTGRES is set.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PostgresServer.Missing;
}
