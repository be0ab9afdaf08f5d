namespace QuantBench.Results.Store;

/// <summary>Reads by plain SQL. Several answers may be read side by side.</summary>
internal abstract class StoreReading : IDisposable
{
    /// <summary>Asks; dispose the answer.</summary>
    /// <param name="sql">The question; its parameters begin with <c>@</c>.</param>
    /// <param name="parameters">Their values.</param>
    public abstract StoreRows Query(string sql, IReadOnlyList<(string Name, object Value)> parameters);

    /// <inheritdoc/>
    public abstract void Dispose();
}
