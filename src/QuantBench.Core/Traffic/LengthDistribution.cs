using System.Collections.Immutable;
using System.Globalization;

namespace QuantBench.Core.Traffic;

/// <summary>
/// Lengths in tokens, as suites write them: <c>128</c>, <c>uniform 64 256</c>, <c>normal 512 100</c> (mean, standard deviation),
/// <c>lognormal 512 0.8</c> (median, standard deviation of the logarithm), <c>choice 128 512 2048</c> (each as likely).
/// </summary>
public sealed record LengthDistribution
{
    /// <summary>Longest length.</summary>
    public const int Longest = 1 << 20;

    private readonly string _kind;
    private readonly ImmutableArray<double> _numbers;

    private LengthDistribution(string kind, ImmutableArray<double> numbers) => (_kind, _numbers) = (kind, numbers);

    /// <summary>Reads a distribution.</summary>
    /// <param name="text">As suites write it.</param>
    /// <returns>Null when it is none.</returns>
    public static LengthDistribution? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0) return null;
        string kind = char.IsAsciiDigit(words[0][0]) ? "choice" : words[0];
        var numbers = ImmutableArray.CreateBuilder<double>();
        foreach (string word in words.Skip(kind == words[0] ? 1 : 0))
        {
            if (!double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                || !(number <= Longest)) return null; // NaN neither
            numbers.Add(number);
        }

        bool good = kind switch
        {
            "choice" => numbers.Count > 0 && numbers.All(n => n >= 1 && n == Math.Floor(n)),
            "uniform" => numbers.Count == 2 && numbers[0] >= 1 && numbers[1] >= numbers[0] && numbers.All(n => n == Math.Floor(n)),
            "normal" or "lognormal" => numbers.Count == 2 && numbers[0] >= 1,
            _ => false,
        };
        return good ? new LengthDistribution(kind, numbers.ToImmutable()) : null;
    }

    /// <summary>Draws a length.</summary>
    /// <param name="random">Source.</param>
    /// <returns>1 to <see cref="Longest"/>.</returns>
    public int Next(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        double drawn = _kind switch
        {
            "choice" => _numbers.Length == 1 ? _numbers[0] : _numbers[random.Next(_numbers.Length)],
            "uniform" => random.NextInt64((long)_numbers[0], (long)_numbers[1] + 1),
            "normal" => _numbers[0] + (_numbers[1] * Deviates.Normal(random)),
            _ => _numbers[0] * Math.Exp(_numbers[1] * Deviates.Normal(random)),
        };
        return (int)Math.Clamp(Math.Round(drawn), 1, Longest);
    }
}
