using Microsoft.EntityFrameworkCore;

namespace QuantBench.Results.Store.Postgres;

/// <summary>The store's tables in PostgreSQL.</summary>
/// <param name="options">The connection.</param>
internal sealed class PostgresStoreContext(DbContextOptions<PostgresStoreContext> options) : StoreContext(options)
{
    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        base.ConfigureConventions(configurationBuilder);
        // Ids sort by their bytes on every server, as they do in SQLite and in this program.
        configurationBuilder.Properties<string>().UseCollation("C");
    }
}
