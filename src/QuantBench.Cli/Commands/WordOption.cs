using System.CommandLine;

namespace QuantBench.Cli.Commands;

/// <summary>Options that take one of an enumeration's words: a number, which parses as one there isn't, is refused.</summary>
internal static class WordOption
{
    /// <summary>An option of a word.</summary>
    /// <param name="name">Its name, with dashes.</param>
    /// <param name="value">Value when it isn't given.</param>
    public static Option<T> Of<T>(string name, T value) where T : struct, Enum => new(name)
    {
        DefaultValueFactory = _ => value,
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            string? word = Enum.GetNames<T>().FirstOrDefault(n => n.Equals(text, StringComparison.OrdinalIgnoreCase));
            if (word is not null) return Enum.Parse<T>(word);
            result.AddError($"{name} must be one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}, not '{text}'.");
            return default;
        },
    };
}
