namespace QuantBench.Cli.Views;

/// <summary>Progress of one long step as lines: one per tenth, so that a log stays readable.</summary>
/// <param name="output">Where to.</param>
/// <param name="what">What is made.</param>
internal sealed class ShareLines(TextWriter output, string what) : IProgress<double>
{
    private int _tenths;

    /// <inheritdoc/>
    public void Report(double value)
    {
        int tenths = (int)(value * 10);
        if (tenths <= _tenths) return;
        _tenths = tenths;
        output.WriteLine($"{what}: {tenths * 10} %");
    }
}
