using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Statistics;

namespace QuantBench.Runner.Runs;

/// <summary>Readings of the yardstick on this machine: a text file of two numbers per line, the latest last.</summary>
internal sealed class YardstickHistory
{
    /// <summary>Name of its file in the cache, before the machine's id.</summary>
    public const string FilePrefix = "yardstick-";

    private const int Most = 500;
    private const int Fewest = 20;

    // Products in the first cache follow the cores' clock to a hundredth or two; how fast memory is read also depends on where pages lie.
    // Beyond this the machine isn't what it usually is.
    internal const double MostOffProducts = 0.1;
    private const double MostOffMemory = 0.25;

    // A virtual machine's host may have two clocks, each for hours. A speed that this share of its readings has is one of its own: a
    // comparison widens by the difference between two of them.
    private const double UsualShare = 0.2;

    private readonly string _path;
    private readonly List<YardstickReading> _readings = [];

    /// <param name="cacheRoot">The cache.</param>
    /// <param name="machine">Machine id.</param>
    public YardstickHistory(string cacheRoot, string machine)
    {
        _path = Path.Combine(cacheRoot, $"{FilePrefix}{machine}.txt");
        try
        {
            if (!File.Exists(_path)) return;
            foreach (string line in File.ReadLines(_path).TakeLast(Most))
            {
                if (line.Split(' ') is [string dot, string stream] && Number(dot, out double d) && Number(stream, out double s))
                    _readings.Add(new YardstickReading(d, s));
            }
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // A history that can't be read is none.
        }
    }

    /// <summary>In what a reading is off from what this machine usually does; null when it isn't, or too little is known.</summary>
    public string? Odd(YardstickReading reading)
    {
        if (_readings.Count < Fewest) return null;
        return Odd("integer products", reading.Dot, r => r.Dot, MostOffProducts)
            ?? Odd("reading memory", reading.Stream, r => r.Stream, MostOffMemory);
    }

    /// <summary>Adds a reading.</summary>
    public void Add(YardstickReading reading)
    {
        _readings.Add(reading);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            File.AppendAllText(_path, string.Create(CultureInfo.InvariantCulture, $"{reading.Dot:R} {reading.Stream:R}\n"));
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // The cell has its reading; the next run knows one less.
        }
    }

    private string? Odd(string what, double now, Func<YardstickReading, double> part, double limit)
    {
        double[] known = [.. _readings.TakeLast(Most).Select(part)];
        if (known.Count(reading => Math.Abs((now / reading) - 1) <= limit) >= UsualShare * known.Length) return null;
        double off = (now / Descriptive.Median(known)) - 1;
        if (Math.Abs(off) <= limit) return null;
        string way = off < 0 ? "slower" : "faster";
        return string.Create(CultureInfo.InvariantCulture,
            $"the yardstick ({what}) ran {Math.Abs(off) * 100:0} % {way} than it usually does on this machine");
    }

    private static bool Number(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && value > 0 && double.IsFinite(value);
}
