namespace QuantBench.Results.Store;

/// <summary>Sees that a database was changed, by whatever process. One thread's at a time; dispose it.</summary>
public abstract class StoreWatch : IDisposable
{
    /// <summary>A number that is another one after each change by another connection; cheap enough to be asked for twice a
    /// second.</summary>
    /// <exception cref="Core.Errors.StoreException">The database doesn't answer.</exception>
    public abstract long Version();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of the connection.</summary>
    protected abstract void Dispose(bool disposing);
}
