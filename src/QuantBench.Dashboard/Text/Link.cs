using System.Text.Encodings.Web;

namespace QuantBench.Dashboard.Text;

/// <summary>Addresses of pages. What equals the default is left out, so equal states have equal addresses.</summary>
internal static class Link
{
    /// <summary>A run's page.</summary>
    public static string Run(string id) => "/runs/" + Uri.EscapeDataString(id);

    /// <summary>A machine's page.</summary>
    public static string Machine(string id) => "/machines/" + Uri.EscapeDataString(id);

    /// <summary>A model's page.</summary>
    public static string Model(string id) => "/models/" + Uri.EscapeDataString(id);

    /// <summary>A suite's page.</summary>
    public static string Suite(string name) => "/suites/" + Uri.EscapeDataString(name);

    /// <summary>An address with a query; empty values are left out.</summary>
    /// <param name="path">Path.</param>
    /// <param name="query">Names and values.</param>
    public static string To(string path, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var text = new System.Text.StringBuilder(path);
        char join = '?';
        foreach ((string name, string? value) in query)
        {
            if (string.IsNullOrEmpty(value)) continue;
            text.Append(join).Append(UrlEncoder.Default.Encode(name)).Append('=').Append(Uri.EscapeDataString(value));
            join = '&';
        }

        return text.ToString();
    }

    /// <summary>Names and values of an address's query, in its order.</summary>
    /// <param name="uri">The address.</param>
    public static IEnumerable<(string Name, string Value)> Query(string uri)
    {
        foreach (string part in new Uri(uri).Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = Uri.UnescapeDataString(equals < 0 ? part : part[..equals]);
            yield return (name, equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..].Replace('+', ' ')));
        }
    }

    /// <summary>The current address with some of its query changed; null or empty takes a name out.</summary>
    /// <param name="uri">The current address.</param>
    /// <param name="changes">Names and new values.</param>
    public static string With(string uri, params ReadOnlySpan<(string Name, string? Value)> changes)
    {
        var at = new Uri(uri);
        List<(string Name, string? Value)> query = [.. Query(uri).Select(q => (q.Name, (string?)q.Value))];
        foreach ((string name, string? value) in changes)
        {
            query.RemoveAll(q => q.Name == name);
            query.Add((name, value));
        }

        return To(at.AbsolutePath, [.. query]);
    }
}
