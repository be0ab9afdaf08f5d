using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace QuantBench.Core.Suites;

/// <summary>Commands as suites write them.</summary>
public static class CommandText
{
    /// <summary>Splits a command into arguments: by white space, with double quotes around arguments that hold some.</summary>
    /// <param name="text">E.g. <c>auto-opt --precision int4</c>.</param>
    /// <param name="arguments">The arguments; empty when the text is.</param>
    /// <returns>False when a quote isn't closed.</returns>
    public static bool TrySplit(string text, [NotNullWhen(true)] out ImmutableArray<string>? arguments)
    {
        ArgumentNullException.ThrowIfNull(text);
        ImmutableArray<string>.Builder found = ImmutableArray.CreateBuilder<string>();
        var current = new StringBuilder();
        bool quoted = false;
        bool any = false;
        foreach (char c in text)
        {
            if (c == '"')
            {
                quoted = !quoted;
                any = true;
            }
            else if (!quoted && char.IsWhiteSpace(c))
            {
                if (any) found.Add(current.ToString());
                current.Clear();
                any = false;
            }
            else
            {
                current.Append(c);
                any = true;
            }
        }

        if (any) found.Add(current.ToString());
        arguments = quoted ? null : found.ToImmutable();
        return !quoted;
    }
}
