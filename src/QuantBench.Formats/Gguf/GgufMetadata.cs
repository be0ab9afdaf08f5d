using System.Collections;
using System.Diagnostics.CodeAnalysis;
using QuantBench.Core.Errors;

namespace QuantBench.Formats.Gguf;

/// <summary>
/// Metadata of a GGUF file, in file order. A value is a <see cref="byte"/>, <see cref="sbyte"/>, <see cref="ushort"/>, <see cref="short"/>,
/// <see cref="uint"/>, <see cref="int"/>, <see cref="float"/>, <see cref="bool"/>, <see cref="string"/>, <see cref="ulong"/>,
/// <see cref="long"/>,
/// <see cref="double"/> or an array of one of these.
/// </summary>
public sealed class GgufMetadata : IReadOnlyCollection<KeyValuePair<string, object>>
{
    private readonly string _file;
    private readonly List<KeyValuePair<string, object>> _entries;
    private readonly Dictionary<string, object> _values;

    /// <summary>Starts without entries.</summary>
    /// <param name="file">Path of the file, for messages.</param>
    public GgufMetadata(string file)
        : this(file, 0)
    {
    }

    /// <summary>Starts without entries, with room for some.</summary>
    /// <param name="file">Path of the file, for messages.</param>
    /// <param name="capacity">How many will be added.</param>
    internal GgufMetadata(string file, int capacity) =>
        (_file, _entries, _values) = (file, new List<KeyValuePair<string, object>>(capacity),
            new Dictionary<string, object>(capacity, StringComparer.Ordinal));

    /// <inheritdoc />
    public int Count => _entries.Count;

    /// <summary>Adds an entry at the end.</summary>
    /// <param name="key">Key; not empty.</param>
    /// <param name="value">Value of one of the types above.</param>
    /// <exception cref="ArgumentException">The key is there already, or the value's type has no place in GGUF.</exception>
    public void Add(string key, object value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(value);
        _ = TypeOf(value);
        _values.Add(key, value);
        _entries.Add(new KeyValuePair<string, object>(key, value));
    }

    /// <summary>Whether there is a value.</summary>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>The value as it is stored.</summary>
    public bool TryGet(string key, [NotNullWhen(true)] out object? value) => _values.TryGetValue(key, out value);

    /// <summary>A string, or null when there is none.</summary>
    /// <exception cref="ModelFormatException">The value is something else.</exception>
    public string? FindString(string key) => Find(key) is not { } value ? null : value as string ?? throw Wrong(key, "a string", value);

    /// <summary>A whole number of any width, or null when there is none.</summary>
    /// <exception cref="ModelFormatException">The value is something else or doesn't fit.</exception>
    public long? FindInteger(string key) =>
        Find(key) is not { } value ? null : ToInteger(value) ?? throw Wrong(key, "a whole number", value);

    /// <summary>A number, or null when there is none.</summary>
    /// <exception cref="ModelFormatException">The value is something else.</exception>
    public double? FindNumber(string key) => Find(key) switch
    {
        null => null,
        float single => single,
        double real => real,
        { } value => ToInteger(value) ?? throw Wrong(key, "a number", value),
    };

    /// <summary>A truth value, or null when there is none.</summary>
    /// <exception cref="ModelFormatException">The value is something else.</exception>
    public bool? FindBoolean(string key) => Find(key) is not { } value ? null : value as bool? ?? throw Wrong(key, "true or false", value);

    /// <summary>An array, or null when there is none.</summary>
    /// <typeparam name="T">Exact element type.</typeparam>
    /// <exception cref="ModelFormatException">The value is something else.</exception>
    public T[]? FindArray<T>(string key)
    {
        object? value = Find(key);
        if (value is null) return null;

        // The runtime lets int[] pass for uint[]; the file's type must be exact.
        return value.GetType() == typeof(T[]) ? (T[])value : throw Wrong(key, $"an array of {typeof(T).Name}", value);
    }

    /// <summary>A string that must be there.</summary>
    /// <exception cref="ModelFormatException">It is missing or something else.</exception>
    public string GetString(string key) => FindString(key) ?? throw Missing(key);

    /// <summary>A whole number that must be there.</summary>
    /// <exception cref="ModelFormatException">It is missing or something else.</exception>
    public long GetInteger(string key) => FindInteger(key) ?? throw Missing(key);

    /// <summary>An array that must be there.</summary>
    /// <exception cref="ModelFormatException">It is missing or something else.</exception>
    public T[] GetArray<T>(string key) => FindArray<T>(key) ?? throw Missing(key);

    /// <inheritdoc />
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static GgufValueType TypeOf(object value) => value is Array array ? ArrayType(array) : ScalarType(value.GetType());

    internal static GgufValueType ElementType(Array array) =>
        ScalarType(array.GetType().GetElementType() ?? throw new ArgumentException("an array without an element type", nameof(array)));

    private static GgufValueType ArrayType(Array array)
    {
        _ = ElementType(array);
        return GgufValueType.Array;
    }

    private static GgufValueType ScalarType(Type type) => type switch
    {
        _ when type == typeof(byte) => GgufValueType.UInt8,
        _ when type == typeof(sbyte) => GgufValueType.Int8,
        _ when type == typeof(ushort) => GgufValueType.UInt16,
        _ when type == typeof(short) => GgufValueType.Int16,
        _ when type == typeof(uint) => GgufValueType.UInt32,
        _ when type == typeof(int) => GgufValueType.Int32,
        _ when type == typeof(float) => GgufValueType.Float32,
        _ when type == typeof(bool) => GgufValueType.Bool,
        _ when type == typeof(string) => GgufValueType.String,
        _ when type == typeof(ulong) => GgufValueType.UInt64,
        _ when type == typeof(long) => GgufValueType.Int64,
        _ when type == typeof(double) => GgufValueType.Float64,
        _ => throw new ArgumentException($"{type.Name} has no place in GGUF metadata"),
    };

    private static long? ToInteger(object value) => value switch
    {
        byte number => number,
        sbyte number => number,
        ushort number => number,
        short number => number,
        uint number => number,
        int number => number,
        long number => number,
        ulong number and <= long.MaxValue => (long)number,
        _ => null,
    };

    private object? Find(string key) => _values.GetValueOrDefault(key);

    private ModelFormatException Wrong(string key, string expected, object value) =>
        new(_file, null, $"the value of '{key}' should be {expected}, but is of type {value.GetType().Name}.");

    private ModelFormatException Missing(string key) => new(_file, null, $"the key '{key}' is missing.");
}
