using Microsoft.EntityFrameworkCore;

namespace QuantBench.Results.Store;

/// <summary>
/// The store's tables for queries by LINQ. Rows are written by <see cref="ResultStore"/> only, past EF's change tracker. To change the
/// schema: change the rows here, then for each database system, e.g. for SQLite,
/// <c>dotnet ef migrations add Name --project src/QuantBench.Results --context SqliteStoreContext --output-dir Store/Sqlite/Migrations</c>
/// with <c>EfDesign=true</c> in the environment; move the two attributes of the designer file it writes to the migration and drop the file
/// (its copy of the model is read by nothing: operations name their types, the next migration starts from the snapshot); set the folder's
/// <c>LatestSchema</c>, and look at the writer's columns.
/// </summary>
internal abstract class StoreContext : DbContext
{
    /// <summary>A context of a database system.</summary>
    /// <param name="options">Provider and connection.</param>
    private protected StoreContext(DbContextOptions options)
        : base(options) => ChangeTracker.QueryTrackingBehavior = QueryTrackingBehavior.NoTracking;

    /// <summary>Runs.</summary>
    public DbSet<RunRow> Runs => Set<RunRow>();

    /// <summary>Finished cells.</summary>
    public DbSet<CellRow> Cells => Set<CellRow>();

    /// <summary>Aggregates of measurements.</summary>
    public DbSet<MeasurementRow> Measurements => Set<MeasurementRow>();

    /// <summary>Raw samples, apart from the aggregates so that pages never read them by accident.</summary>
    public DbSet<SampleRow> Samples => Set<SampleRow>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        ArgumentNullException.ThrowIfNull(modelBuilder);
        modelBuilder.Entity<RunRow>(run =>
        {
            run.ToTable("runs");
            run.HasKey(r => r.Id);
            run.HasIndex(r => r.StartedMs);
            run.HasIndex(r => r.Suite);
            run.HasIndex(r => r.MachineId);
        });
        modelBuilder.Entity<CellRow>(cell =>
        {
            cell.ToTable("cells");
            cell.HasKey(c => c.Id);
            cell.HasOne<RunRow>().WithMany().HasForeignKey(c => c.RunId).OnDelete(DeleteBehavior.Cascade);
            cell.HasIndex(c => new { c.RunId, c.CellId }).IsUnique();
            cell.HasIndex(c => c.CellId);
            cell.HasIndex(c => new { c.Model, c.RunId });
            cell.HasIndex(c => new { c.Model, c.Variant, c.Backend, c.Workload });
        });
        modelBuilder.Entity<MeasurementRow>(measurement =>
        {
            measurement.ToTable("measurements");
            measurement.HasKey(m => m.Id);
            measurement.HasOne<CellRow>().WithMany().HasForeignKey(m => m.CellRowId).OnDelete(DeleteBehavior.Cascade);
            measurement.HasIndex(m => new { m.CellRowId, m.Name });
            measurement.HasIndex(m => new { m.Name, m.Value });
        });
        modelBuilder.Entity<SampleRow>(sample =>
        {
            sample.ToTable("samples");
            sample.HasKey(s => s.MeasurementId);
            sample.Property(s => s.MeasurementId).ValueGeneratedNever();
            sample.HasOne<MeasurementRow>().WithOne().HasForeignKey<SampleRow>(s => s.MeasurementId).OnDelete(DeleteBehavior.Cascade);
        });
    }

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        ArgumentNullException.ThrowIfNull(configurationBuilder);
        configurationBuilder.Conventions.Add(_ => new SnakeCaseColumns());
    }
}
