using System.Diagnostics.CodeAnalysis;

namespace QuantBench.Core.Cells;

/// <summary>
/// A server as the device of a backend: <c>openai@http://host:8080</c>, or <c>openai@name</c> for one that the suite declares and the run
/// starts. An address holds no secret: one with a user, a password or a query
/// is refused, since it would stand in every record.
/// </summary>
/// <param name="Protocol">How it is spoken to, e.g. <c>openai</c>: lower-case letters, digits and dashes.</param>
/// <param name="Url">Root of its address, http or https, without a slash at its end; or the name of one that the suite declares.</param>
public sealed record ServerAddress(string Protocol, string Url)
{
    private const int LongestUrl = 512;
    private const int LongestName = 64;

    /// <summary>Whether <see cref="Url"/> is the name of a server that the suite declares.</summary>
    public bool IsDeclared => !Url.Contains(':', StringComparison.Ordinal);

    /// <summary>Reads <c>protocol@url</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address in its one spelling when true is returned.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ServerAddress? address)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        int at = text.IndexOf('@', StringComparison.Ordinal);
        if (at <= 0 || text.Length > LongestUrl) return false;
        string protocol = text[..at];
        if (!protocol.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')) return false;
        string url = text[(at + 1)..];
        if (IsName(url))
        {
            address = new ServerAddress(protocol, url);
            return true;
        }

        if (url.Any(c => c is <= ' ' or >= (char)127 or '@' or '?' or '#' or '\\' or '"' or '\'' or '<' or '>')
            || !Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0
            || uri.UserInfo.Length > 0)
            return false;
        address = new ServerAddress(protocol, uri.AbsoluteUri.TrimEnd('/'));
        return true;
    }

    /// <summary>Whether a text can be the name of a declared server: lower-case letters, digits and <c>- _ .</c>, a letter first.</summary>
    /// <param name="text">The text.</param>
    public static bool IsName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is > 0 and <= LongestName && char.IsAsciiLetterLower(text[0])
            && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Protocol}@{Url}";
}
