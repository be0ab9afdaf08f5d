using System.Text;

namespace QuantBench.Results.Store;

/// <summary>A text column of few different values: each is read and made into what it stands for once, without a string per row.</summary>
/// <typeparam name="T">What a text stands for.</typeparam>
/// <param name="make">Makes it.</param>
internal sealed class TextColumn<T>(Func<string, T> make)
{
    private readonly Dictionary<string, T> _known = new(StringComparer.Ordinal);
    private byte[] _lastBytes = [];
    private T? _last;
    private bool _any;

    /// <summary>What a text stands for.</summary>
    /// <param name="bytes">The text as UTF-8.</param>
    public T Read(ReadOnlySpan<byte> bytes)
    {
        if (_any && bytes.SequenceEqual(_lastBytes)) return _last!; // set whenever _any is

        T value = Find(bytes);
        (_lastBytes, _last, _any) = (_lastBytes.Length == bytes.Length ? _lastBytes : new byte[bytes.Length], value, true);
        bytes.CopyTo(_lastBytes);
        return value;
    }

    /// <summary>What a text stands for.</summary>
    /// <param name="text">The text.</param>
    public T Read(ReadOnlySpan<char> text)
    {
        if (_known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out T? known)) return known;
        string key = text.ToString();
        return _known[key] = make(key);
    }

    private T Find(ReadOnlySpan<byte> bytes)
    {
        const int mostOnStack = 256;
        Span<char> buffer = stackalloc char[mostOnStack];
        return Read(bytes.Length <= mostOnStack ? buffer[..Encoding.UTF8.GetChars(bytes, buffer)] : Encoding.UTF8.GetString(bytes));
    }
}
