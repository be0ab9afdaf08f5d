using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;

namespace QuantBench.Formats.Files;

/// <summary>A value inside a model's JSON file that knows where it stands, so that every wrong type is an error naming file and
/// key.</summary>
public readonly struct ModelJson
{
    // The largest real ones are tokenizers of some 35 MB.
    private const long MaxFileBytes = 512L << 20;

    private readonly string _file;
    private readonly string _parent;
    private readonly string? _member;
    private readonly int _index;
    private readonly JsonElement _element;

    // The place is put together when somebody asks: tables of small values would otherwise cost a text each.
    private ModelJson(string file, string parent, JsonElement element, string? member = null, int index = -1) =>
        (_file, _parent, _element, _member, _index) = (file, parent, element, member, index);

    /// <summary>Whether it is null or not there.</summary>
    public bool IsNull => _element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    /// <summary>Whether it is a string.</summary>
    public bool IsString => _element.ValueKind == JsonValueKind.String;

    /// <summary>Whether it is an object.</summary>
    public bool IsObject => _element.ValueKind == JsonValueKind.Object;

    /// <summary>Whether it is an array.</summary>
    public bool IsArray => _element.ValueKind == JsonValueKind.Array;

    /// <summary>Whether it is true or false.</summary>
    public bool IsBoolean => _element.ValueKind is JsonValueKind.True or JsonValueKind.False;

    /// <summary>Whether it is a number.</summary>
    public bool IsNumber => _element.ValueKind == JsonValueKind.Number;

    /// <summary>Path of the file, for messages.</summary>
    public string File => _file;

    /// <summary>Reads a file of at most 512 MiB.</summary>
    /// <exception cref="RequestException">It is missing or can't be read.</exception>
    /// <exception cref="ModelFormatException">It is too large or no JSON.</exception>
    public static ModelJson ReadFile(string path)
    {
        try
        {
            FileStamp.RequireFile(path);
            using FileStream stream = System.IO.File.OpenRead(path);
            if (stream.Length > MaxFileBytes)
                throw new ModelFormatException(path, null, $"{stream.Length} bytes are too many for a JSON file of a model.");
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            ReadOnlySpan<byte> byteOrderMark = [0xEF, 0xBB, 0xBF];
            ForeignFile.Refuse(bytes, path, "JSON");
            return Parse(bytes.AsMemory(bytes.AsSpan().StartsWith(byteOrderMark) ? 3 : 0), path, 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RequestException($"There is no file '{path}'.",
                "A Hugging Face directory needs config.json, tokenizer.json and *.safetensors.", e);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new RequestException($"The file '{path}' can't be read: {e.Message}", "Check its permissions.", e);
        }
    }

    /// <summary>Parses a part of a file, which must stay as it is; members must be unique.</summary>
    /// <exception cref="ModelFormatException">It is no JSON; <paramref name="offset"/> is the place given.</exception>
    public static ModelJson Parse(ReadOnlyMemory<byte> utf8, string file, long offset)
    {
        try
        {
            // Not disposed: the element is used as long as this value lives, and the document owns only managed memory.
            JsonDocument document = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new ModelJson(file, "", document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(file, offset, $"this is not valid JSON: {Shorten(e.Message)}",
                "The file is damaged; fetch it again.", e);
        }
    }

    /// <summary>The member, or null when it is missing or JSON's null.</summary>
    /// <exception cref="ModelFormatException">This is no object.</exception>
    public ModelJson? Find(string name)
    {
        if (!IsObject) throw Wrong("an object");
        return _element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new ModelJson(_file, Key, value, name)
            : null;
    }

    /// <summary>The member.</summary>
    /// <exception cref="ModelFormatException">It is missing or null.</exception>
    public ModelJson Get(string name) => Find(name) ?? throw new ModelFormatException(_file, null, $"'{Join(name)}' is missing.");

    /// <summary>An object's members.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public IEnumerable<(string Name, ModelJson Value)> Members()
    {
        if (!IsObject) throw Wrong("an object");
        foreach (JsonProperty property in _element.EnumerateObject())
        {
            string name = NameOf(property);
            yield return (name, new ModelJson(_file, Key, property.Value, name));
        }
    }

    /// <summary>Number of an array's items.</summary>
    public int Count => IsArray ? _element.GetArrayLength() : throw Wrong("an array");

    /// <summary>An item of an array; not for long arrays of arrays, which are walked through each time.</summary>
    public ModelJson this[int index] => new(_file, _parent, _element[index], _member, index);

    /// <summary>An array's items.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public IEnumerable<ModelJson> Items()
    {
        if (!IsArray) throw Wrong("an array");
        int index = 0;
        foreach (JsonElement item in _element.EnumerateArray()) yield return new ModelJson(_file, Key, item, null, index++);
    }

    /// <summary>A string.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public string AsString()
    {
        if (!IsString) throw Wrong("a string");
        try
        {
            return _element.GetString() ?? throw Wrong("a string");
        }
        catch (InvalidOperationException)
        {
            throw Wrong("valid Unicode text");
        }
    }

    /// <summary>A whole number.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public long AsInt64() => IsNumber && _element.TryGetInt64(out long value) ? value : throw Wrong("a whole number");

    /// <summary>A whole number in a range that includes both ends.</summary>
    /// <exception cref="ModelFormatException">It isn't one.</exception>
    public int AsInt32(int min, int max)
    {
        long value = AsInt64();
        return value >= min && value <= max ? (int)value : throw Wrong($"between {min} and {max}");
    }

    /// <summary>A finite number.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public double AsDouble() =>
        IsNumber && _element.TryGetDouble(out double value) && double.IsFinite(value) ? value : throw Wrong("a number");

    /// <summary>True or false.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public bool AsBoolean() => IsBoolean ? _element.GetBoolean() : throw Wrong("true or false");

    /// <summary>The error that says what should stand here.</summary>
    public ModelFormatException Wrong(string expected) =>
        new(_file, null, $"'{(Key.Length == 0 ? "the document" : Key)}' should be {expected}, but is {Shorten(_element)}.");

    private string Key
    {
        get
        {
            string key = _member is null ? _parent : _parent.Length == 0 ? _member : $"{_parent}.{_member}";
            return _index < 0 ? key : $"{key}[{_index}]";
        }
    }

    private static string Shorten(JsonElement element)
    {
        string text;
        try
        {
            text = element.ValueKind == JsonValueKind.Undefined ? "nothing" : element.GetRawText();
        }
        catch (InvalidOperationException)
        {
            return "text that is not valid UTF-8"; // The JSON parser doesn't look into strings.
        }

        return Shorten(text, 60);
    }

    /// <summary>The parser's own messages may quote all of the rest of the file.</summary>
    private static string Shorten(string text, int length = 200) =>
        text.Length <= length ? text : string.Concat(text.AsSpan(0, length), "…");

    private string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw new ModelFormatException(_file, null, $"a name inside '{Key}' is not valid Unicode text.");
        }
    }

    private string Join(string name) => Key is { Length: > 0 } key ? $"{key}.{name}" : name;
}
