using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace QuantBench.Results.Store.Postgres;

/// <summary>How <c>dotnet ef</c> makes a context when a migration is written.</summary>
internal sealed class PostgresContextFactory : IDesignTimeDbContextFactory<PostgresStoreContext>
{
    public PostgresStoreContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PostgresStoreContext>().UseNpgsql("Host=design-time").Options);
}
