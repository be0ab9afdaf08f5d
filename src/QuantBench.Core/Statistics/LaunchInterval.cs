namespace QuantBench.Core.Statistics;

/// <summary>
/// Interval of a timing from several launches. What changes between processes (where memory lies, which cores threads get) is the same in
/// all repetitions of one, so the launches are the observations: Student's interval of the mean logarithm of their medians, which holds
/// the repetitions' noise as well. A bootstrap over three launches, hierarchical or not, covers the truth in four cases of five only.
/// </summary>
public static class LaunchInterval
{
    /// <summary>95 % interval; null with fewer than two launches.</summary>
    /// <param name="launchValues">Median of each launch, all positive.</param>
    public static Interval? Of(ReadOnlySpan<double> launchValues)
    {
        if (launchValues.Length < 2) return null;
        double[] logs = new double[launchValues.Length];
        for (int i = 0; i < logs.Length; i++) logs[i] = Math.Log(launchValues[i]);
        double mean = Descriptive.Mean(logs);
        double error = Descriptive.StandardDeviation(logs) / Math.Sqrt(logs.Length);
        double half = SpecialFunctions.StudentQuantile(0.95, logs.Length - 1) * error;
        return new Interval(Math.Exp(mean - half), Math.Exp(mean + half));
    }
}
