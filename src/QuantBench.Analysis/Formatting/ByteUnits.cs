namespace QuantBench.Analysis.Formatting;

/// <summary>
/// Units of sizes: powers of 1024 unless the work that is being done asked for powers of 1000. The choice flows with the asynchronous work
/// that made it and reaches nobody else's.
/// </summary>
public static class ByteUnits
{
    private static readonly string[] s_binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    private static readonly string[] s_decimal = ["B", "kB", "MB", "GB", "TB", "PB"];
    private static readonly AsyncLocal<bool> s_isDecimal = new();

    /// <summary>Whether sizes are written in powers of 1000.</summary>
    public static bool IsDecimal => s_isDecimal.Value;

    /// <summary>Factor from one unit to the next.</summary>
    public static double Step => IsDecimal ? 1000 : 1024;

    /// <summary>Names of the units, the byte first.</summary>
    public static ReadOnlySpan<string> Names => IsDecimal ? s_decimal : s_binary;

    /// <summary>The unit that a size is written in, and its bytes.</summary>
    /// <param name="bytes">The size; of several the largest, where all are to have one unit.</param>
    public static (string Name, double Bytes) Of(double bytes)
    {
        int power = bytes >= 1 ? Math.Clamp((int)Math.Log(bytes, Step), 0, Names.Length - 1) : 0;
        return (Names[power], Math.Pow(Step, power));
    }

    /// <summary>Chooses for the work from here on.</summary>
    /// <param name="isDecimal">Whether sizes are written in powers of 1000.</param>
    public static void Use(bool isDecimal) => s_isDecimal.Value = isDecimal;
}
