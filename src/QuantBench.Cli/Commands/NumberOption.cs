using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace QuantBench.Cli.Commands;

/// <summary>Options that take a number: one strict reader for all of them, in which a comma is an error instead of a thousand.</summary>
internal static class NumberOption
{
    /// <summary>An option of a whole number.</summary>
    /// <param name="name">Its name, with dashes.</param>
    /// <param name="least">Smallest value.</param>
    /// <param name="most">Largest value.</param>
    /// <param name="value">Value when it isn't given.</param>
    public static Option<int> Whole(string name, int least, int most, int value) => new(name)
    {
        HelpName = "N",
        DefaultValueFactory = _ => value,
        CustomParser = result => Read(result, name, NumberStyles.AllowLeadingSign, least, most),
    };

    /// <summary>An option of a whole number that may be left out.</summary>
    /// <param name="name">Its name, with dashes.</param>
    /// <param name="least">Smallest value.</param>
    /// <param name="most">Largest value.</param>
    public static Option<int?> Whole(string name, int least, int most) => new(name)
    {
        HelpName = "N",
        CustomParser = result => Read(result, name, NumberStyles.AllowLeadingSign, least, most),
    };

    /// <summary>An option of a number.</summary>
    /// <param name="name">Its name, with dashes.</param>
    /// <param name="least">Smallest value.</param>
    /// <param name="most">Largest value.</param>
    /// <param name="value">Value when it isn't given.</param>
    public static Option<double> Decimal(string name, double least, double most, double value) => new(name)
    {
        DefaultValueFactory = _ => value,
        CustomParser = result => Read(result, name, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, least, most),
    };

    /// <summary>An option of a number that may be left out.</summary>
    /// <param name="name">Its name, with dashes.</param>
    /// <param name="least">Smallest value.</param>
    /// <param name="most">Largest value.</param>
    public static Option<double?> Decimal(string name, double least, double most) => new(name)
    {
        CustomParser = result => Read(result, name, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, least, most),
    };

    private static T Read<T>(ArgumentResult result, string name, NumberStyles styles, T least, T most) where T : struct, INumber<T>
    {
        string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        if (text.All(char.IsAscii) && T.TryParse(text, styles, CultureInfo.InvariantCulture, out T number) && number >= least
            && number <= most) return number;
        string kind = T.IsInteger(T.One / (T.One + T.One)) ? "a whole number" : "a number";
        string form = text.Contains(',', StringComparison.Ordinal) ? " Decimals have a point, and thousands nothing between them." : "";
        result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} must be {kind} from {least} to {most}, not '{text}'.{form}"));
        return default;
    }
}
