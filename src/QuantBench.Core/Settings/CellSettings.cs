using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace QuantBench.Core.Settings;

/// <summary>
/// The settings of one cell: an immutable map from setting key (<c>n_ctx</c>, <c>threads</c>, …) to a scalar. Values are
/// <see cref="long"/>,
/// <see cref="double"/>, <see cref="bool"/> or <see cref="string"/>. Keys are those of <see cref="SettingTable"/>.
/// Equality is by content; <see cref="ToString"/> is canonical JSON (sorted keys).
/// </summary>
[JsonConverter(typeof(CellSettingsJsonConverter))]
public sealed class CellSettings : IReadOnlyCollection<KeyValuePair<string, object>>, IEquatable<CellSettings>
{
    /// <summary>No settings: every one at its default.</summary>
    public static readonly CellSettings Empty = new(ImmutableSortedDictionary<string, object>.Empty.WithComparers(StringComparer.Ordinal));

    private readonly ImmutableSortedDictionary<string, object> _values;
    private string? _text; // immutable, so written once: thousands of cells share one map

    private CellSettings(ImmutableSortedDictionary<string, object> values) => _values = values;

    /// <inheritdoc/>
    public int Count => _values.Count;

    /// <summary>Whether the key is set explicitly.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>This map with one key set.</summary>
    /// <param name="key">A key of <see cref="SettingTable"/>.</param>
    /// <param name="value">An integer, floating-point number, bool or string.</param>
    /// <exception cref="ArgumentException">The value has another type.</exception>
    public CellSettings With(string key, object value) => new(_values.SetItem(key, Normalize(value)));

    /// <summary>This map with every entry of <paramref name="overrides"/> on top.</summary>
    public CellSettings With(CellSettings overrides)
    {
        ArgumentNullException.ThrowIfNull(overrides);
        return new CellSettings(_values.SetItems(overrides._values));
    }

    /// <summary>This map without a key.</summary>
    public CellSettings Without(string key) => new(_values.Remove(key));

    /// <summary>The integer of a key, or the table's default when it isn't set.</summary>
    public long Int(string key) => Convert.ToInt64(Value(key), CultureInfo.InvariantCulture);

    /// <summary>The number of a key, or the table's default when it isn't set.</summary>
    public double Number(string key) => Convert.ToDouble(Value(key), CultureInfo.InvariantCulture);

    /// <summary>The boolean of a key, or the table's default when it isn't set.</summary>
    public bool Flag(string key) => Convert.ToBoolean(Value(key), CultureInfo.InvariantCulture);

    /// <summary>The text of a key, or the table's default when it isn't set.</summary>
    public string Text(string key) => Convert.ToString(Value(key), CultureInfo.InvariantCulture) ?? "";

    /// <summary>The value of any key as text; of one that isn't set its default, where that is known.</summary>
    /// <param name="key">A key of <see cref="SettingTable"/>, or of an engine's own.</param>
    /// <param name="otherwise">The default of an engine's own setting.</param>
    public string Shown(string key, string? otherwise = null) =>
        Has(key) || SettingTable.Find(key) is not null ? Text(key) : otherwise ?? "default";

    /// <summary>The text of an engine's own setting.</summary>
    public string Text(SettingDefinition setting) => Convert.ToString(Value(setting), CultureInfo.InvariantCulture) ?? "";

    /// <summary>The boolean of an engine's own setting.</summary>
    public bool Flag(SettingDefinition setting) => Convert.ToBoolean(Value(setting), CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public bool Equals(CellSettings? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CellSettings);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>Canonical JSON: keys in ordinal order, no white space. What the cell's id is hashed from.</summary>
    public override string ToString() => _text ??= JsonSerializer.Serialize(this);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static object Normalize(object value) => value switch
    {
        int i => (long)i,
        long or bool or string => value,
        float f => (double)f,
        double => value,
        _ => throw new ArgumentException($"a setting can't hold a {value?.GetType().Name ?? "null"}", nameof(value)),
    };

    private object Value(string key) => _values.TryGetValue(key, out object? value) ? value : SettingTable.Get(key).Default;

    private object Value(SettingDefinition setting)
    {
        ArgumentNullException.ThrowIfNull(setting);
        return _values.GetValueOrDefault(setting.Key, setting.Default);
    }

    private sealed class CellSettingsJsonConverter : JsonConverter<CellSettings>
    {
        public override CellSettings Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("settings must be an object");
            var values = ImmutableSortedDictionary.CreateBuilder<string, object>(StringComparer.Ordinal);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string key = reader.GetString() ?? "";
                reader.Read();
                values[key] = reader.TokenType switch
                {
                    JsonTokenType.True => true,
                    JsonTokenType.False => false,
                    JsonTokenType.String => reader.GetString() ?? "",
                    JsonTokenType.Number => reader.TryGetInt64(out long whole) ? (object)whole
                        : reader.GetDouble() is var number && double.IsFinite(number) ? number
                        : throw new JsonException($"setting '{key}' is too large"),
                    _ => throw new JsonException($"setting '{key}' must be a scalar"),
                };
            }

            return new CellSettings(values.ToImmutable());
        }

        public override void Write(Utf8JsonWriter writer, CellSettings value, JsonSerializerOptions options)
        {
            writer.WriteStartObject();
            foreach ((string key, object item) in value._values)
            {
                switch (item)
                {
                    case bool flag: writer.WriteBoolean(key, flag); break;
                    case long whole: writer.WriteNumber(key, whole); break;
                    case double number: writer.WriteNumber(key, number); break;
                    default: writer.WriteString(key, (string)item); break;
                }
            }

            writer.WriteEndObject();
        }
    }
}
