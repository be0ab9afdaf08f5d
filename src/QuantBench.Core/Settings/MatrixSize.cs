using System.Globalization;

namespace QuantBench.Core.Settings;

/// <summary>Size of a weight matrix, written <c>4096x2048</c>: output features by input features.</summary>
/// <param name="Rows">Output features.</param>
/// <param name="Columns">Input features.</param>
public readonly record struct MatrixSize(int Rows, int Columns)
{
    /// <summary>Most rows or columns.</summary>
    public const int LargestSide = 1 << 20;

    /// <summary>Most elements; larger matrices don't fit the spans they are decoded into.</summary>
    public const long MostElements = 1L << 29;

    /// <summary>What a size must look like, for messages.</summary>
    public const string Rule = "ROWSxCOLUMNS, each 1 to 1048576, together at most 536870912 elements, e.g. 4096x4096";

    /// <summary>Number of elements.</summary>
    public long Elements => (long)Rows * Columns;

    /// <summary>Reads <c>4096x2048</c>.</summary>
    /// <param name="text">Two whole numbers with an <c>x</c> between them, no white space.</param>
    /// <param name="size">The size when true is returned.</param>
    public static bool TryParse(string text, out MatrixSize size)
    {
        ArgumentNullException.ThrowIfNull(text);
        size = default;
        int at = text.IndexOf('x', StringComparison.Ordinal);
        if (at < 0 || !TryParseSide(text.AsSpan(0, at), out int rows) || !TryParseSide(text.AsSpan(at + 1), out int columns)) return false;
        if ((long)rows * columns > MostElements) return false;
        size = new MatrixSize(rows, columns);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rows}x{Columns}");

    // A leading zero would give one matrix two names, hence two cells.
    private static bool TryParseSide(ReadOnlySpan<char> text, out int side) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out side) && side is >= 1 and <= LargestSide && text[0] != '0';
}
