using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Cells;

/// <summary>Identity of a cell: the first 16 hex digits of the SHA-256 of what it measures.</summary>
/// <param name="Value">16 lower-case hex digits.</param>
[JsonConverter(typeof(CellIdJsonConverter))]
public readonly record struct CellId(string Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value;

    private sealed class CellIdJsonConverter : JsonConverter<CellId>
    {
        public override CellId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetString() ?? "");

        public override void Write(Utf8JsonWriter writer, CellId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Value);
    }
}

/// <summary>An engine and a device, as one id: <c>llamacpp/cpu</c>, <c>ilgpu/cuda:0</c>. A server is a device, too.</summary>
/// <param name="Engine">Engine name, e.g. <c>llamacpp</c>.</param>
/// <param name="Device">Device id, e.g. <c>cpu</c> or <c>cuda:0</c>, or what <see cref="ServerAddress"/> reads.</param>
[JsonConverter(typeof(BackendIdJsonConverter))]
public readonly record struct BackendId(string Engine, string Device)
{
    /// <summary>The server that the device is; null when it is none.</summary>
    public ServerAddress? Server => ServerAddress.TryParse(Device ?? "", out ServerAddress? address) ? address : null;

    /// <summary>Reads <c>engine/device</c>.</summary>
    /// <returns>False when there isn't a non-empty part on either side of the first slash, or the device has another one and is no
    /// server.</returns>
    public static bool TryParse(string text, out BackendId id)
    {
        ArgumentNullException.ThrowIfNull(text);
        id = default;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == text.Length - 1) return false;
        string device = text[(slash + 1)..];
        if (device.Contains('@', StringComparison.Ordinal))
        {
            if (!ServerAddress.TryParse(device, out ServerAddress? address)) return false;
            device = address.ToString();
        }
        else if (device.Contains('/', StringComparison.Ordinal))
        {
            return false;
        }

        id = new BackendId(text[..slash], device);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Engine}/{Device}";

    private sealed class BackendIdJsonConverter : JsonConverter<BackendId>
    {
        public override BackendId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            string text = reader.GetString() ?? "";
            return TryParse(text, out BackendId id) ? id : throw new JsonException($"'{text}' is not engine/device");
        }

        public override void Write(Utf8JsonWriter writer, BackendId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}

/// <summary>One point of the matrix: model × variant × backend × workload × settings.</summary>
public sealed record Cell
{
    private string? _id; // hashed when first asked for: a large comparison reads 100,000 cells and no id

    /// <summary>Makes a cell; its id follows from the arguments.</summary>
    /// <param name="model">Id of the model in the suite.</param>
    /// <param name="variant">Format and quant scheme.</param>
    /// <param name="backend">Engine and device.</param>
    /// <param name="workload">Workload name, e.g. <c>perplexity</c>.</param>
    /// <param name="settings">Settings that differ from nothing: every one the suite gave, defaults included where it named them.</param>
    public Cell(string model, Variant variant, BackendId backend, string workload, CellSettings settings) =>
        (Model, Variant, Backend, Workload, Settings) = (model, variant, backend, workload, settings);

    /// <summary>Stable hash of the other members; recomputed when a cell is read, so it can't disagree with them.</summary>
    public CellId Id => new(_id ??= Hash());

    /// <summary>Id of the model in the suite.</summary>
    public string Model { get; }

    /// <summary>Format and quant scheme.</summary>
    public Variant Variant { get; }

    /// <summary>Engine and device.</summary>
    public BackendId Backend { get; }

    /// <summary>Workload name.</summary>
    public string Workload { get; }

    /// <summary>The settings.</summary>
    public CellSettings Settings { get; }

    /// <summary>One line a person can tell the cell by, e.g. <c>reference gguf:Q4_0 llamacpp/cpu perplexity</c>.</summary>
    [JsonIgnore]
    public string Title => $"{Model} {Variant.Id} {Backend} {Workload}";

    /// <summary>Whether both measure the same.</summary>
    public bool Equals(Cell? other) =>
        ReferenceEquals(this, other)
        || (other is not null && Model == other.Model && Variant == other.Variant && Backend == other.Backend && Workload == other.Workload
            && Settings.Equals(other.Settings));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Model, Variant, Backend, Workload, Settings);

    private string Hash()
    {
        string identity = string.Join('\n', "cell-v1", Model, Variant.Id, Backend.ToString(), Workload, Settings.ToString());
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..16];
    }
}
