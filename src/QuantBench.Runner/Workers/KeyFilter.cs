using System.Collections;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Servers;

namespace QuantBench.Runner.Workers;

/// <summary>Takes keys of servers out of what a program writes, also where one comes in two pieces.</summary>
/// <param name="keys">The keys.</param>
internal sealed class KeyFilter(IReadOnlyList<string> keys)
{
    private static readonly byte[] s_hidden = Encoding.UTF8.GetBytes(ServerKeys.Hidden);

    // The longest first: one may begin with another.
    private readonly byte[][] _keys =
    [
        .. keys.Where(k => k.Length >= ServerKeys.ShortestHidden).Distinct().OrderByDescending(k => k.Length)
            .Select(Encoding.UTF8.GetBytes),
    ];

    private byte[] _held = [];

    /// <summary>The keys that this program's environment holds.</summary>
    public static KeyFilter OfEnvironment()
    {
        var keys = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable is not { Key: string name, Value: string { Length: > 0 } value }
                || !name.StartsWith(ServerKeys.Prefix, StringComparison.Ordinal)) continue;
            if (!name.EndsWith(ServerKeys.FileSuffix, StringComparison.Ordinal))
            {
                keys.Add(value.Trim());
                continue;
            }

            try
            {
                keys.Add(File.ReadAllText(value).Trim());
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                // Whoever needs the key says that its file can't be read.
            }
        }

        return new KeyFilter(keys);
    }

    /// <summary>What can be written now; what may be the beginning of a key is held back.</summary>
    /// <param name="bytes">What came.</param>
    public ReadOnlyMemory<byte> Next(ReadOnlyMemory<byte> bytes) =>
        _keys.Length == 0 ? bytes : Filter([.. _held, .. bytes.Span], end: false);

    /// <summary>What was held back, once nothing more comes.</summary>
    public ReadOnlyMemory<byte> Rest() => Filter(_held, end: true);

    private ReadOnlyMemory<byte> Filter(byte[] all, bool end)
    {
        var output = new MemoryStream(all.Length);
        int at = 0;
        while (at < all.Length)
        {
            ReadOnlyMemory<byte> rest = all.AsMemory(at);
            // A longer key that may begin here decides first.
            if (!end && Array.Exists(_keys, k => rest.Length < k.Length && k.AsSpan().StartsWith(rest.Span))) break;
            if (Array.Find(_keys, k => rest.Span.StartsWith(k)) is { } key)
            {
                output.Write(s_hidden);
                at += key.Length;
            }
            else output.WriteByte(all[at++]);
        }

        _held = all[at..];
        return output.GetBuffer().AsMemory(0, (int)output.Length);
    }
}
