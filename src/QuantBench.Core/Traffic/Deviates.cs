namespace QuantBench.Core.Traffic;

/// <summary>Random numbers of other distributions than the uniform one.</summary>
public static class Deviates
{
    /// <summary>Of mean 0 and standard deviation 1 (Box and Muller 1958; the second of the pair is dropped).</summary>
    /// <param name="random">Source.</param>
    public static double Normal(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
