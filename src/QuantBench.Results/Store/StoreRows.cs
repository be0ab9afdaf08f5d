namespace QuantBench.Results.Store;

/// <summary>Rows of an answer, one at a time. Columns count from 0.</summary>
internal abstract class StoreRows : IDisposable
{
    /// <summary>Goes to the next row; false after the last.</summary>
    public abstract bool Read();

    /// <summary>Whether a column is NULL.</summary>
    public abstract bool IsNull(int column);

    /// <summary>A whole number; NULL reads as 0.</summary>
    public abstract long Int64(int column);

    /// <summary>A number; null when it is NULL.</summary>
    public abstract double? Number(int column);

    /// <summary>A text; NULL reads as empty.</summary>
    public abstract string Text(int column);

    /// <summary>What a text of few different values stands for; NULL reads as the empty text.</summary>
    public abstract T Text<T>(int column, TextColumn<T> texts);

    /// <inheritdoc/>
    public abstract void Dispose();
}
