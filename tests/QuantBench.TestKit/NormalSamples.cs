namespace QuantBench.TestKit;

/// <summary>Random values, the same ones for the same seed.</summary>
public static class NormalSamples
{
    /// <summary>Values of a normal distribution.</summary>
    public static float[] Of(int count, int seed, double sigma = 1)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = (float)(sigma * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return values;
    }
}
