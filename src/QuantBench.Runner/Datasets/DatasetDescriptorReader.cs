using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;
using QuantBench.Models.Traces;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace QuantBench.Runner.Datasets;

/// <summary>Reads and validates dataset descriptors.</summary>
internal static class DatasetDescriptorReader
{
    private const int MaxBytes = 64 << 10;
    private const int MaxNesting = 1000;
    private static readonly string[] s_top = ["name", "title", "license", "language", "source", "join", "splits", "default_split"];
    private static readonly string[] s_source =
        ["npm", "version", "integrity", "files", "url", "sha256", "entry", "path", "trace", "seed", "documents", "tokens"];
    private static readonly string[] s_kinds = ["npm", "url", "path", "trace"];
    private static readonly string[] s_split = ["every", "at", "rest", "entry", "bytes", "sha256"];

    /// <summary>Reads a descriptor.</summary>
    /// <param name="path">Path of the YAML file.</param>
    /// <exception cref="SuiteException">Anything is wrong: the first fault, with file, line and column.</exception>
    public static DatasetDescriptor Read(string path)
    {
        FileStamp.RequireFile(path);
        if (new FileInfo(path).Length > MaxBytes) throw new SuiteException(path, 0, 0, "a dataset descriptor can't be larger than 64 KiB.");
        return Parse(File.ReadAllText(path), path);
    }

    /// <summary>Reads a descriptor's text.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="path">Path to name in errors.</param>
    /// <exception cref="SuiteException">Anything is wrong: the first fault, with file, line and column.</exception>
    public static DatasetDescriptor Parse(string text, string path)
    {
        ArgumentNullException.ThrowIfNull(text);
        // The YAML reader recurses, and a stack that overflows can't be caught.
        int nesting = text.Count(c => c is '[' or '{') + text.Split("- ").Length;
        if (nesting > MaxNesting)
            throw new SuiteException(path, 0, 0, $"a dataset descriptor can't hold more than {MaxNesting} lists and mappings.");
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            throw new SuiteException(path, (int)e.Start.Line, (int)e.Start.Column, $"this is not YAML: {e.Message}", inner: e);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException or OverflowException)
        {
            // What the YAML reader lets through on some malformed texts.
            throw new SuiteException(path, 0, 0, $"this is not YAML: {e.Message}", inner: e);
        }

        if (yaml.Documents.Count != 1) throw new SuiteException(path, 0, 0, "a descriptor holds exactly one YAML document.");
        var top = Section.Of(path, yaml.Documents[0].RootNode, "the descriptor", s_top);
        DatasetSource source = ReadSource(top.Child("source", s_source));
        var splits = ImmutableSortedDictionary.CreateBuilder<string, DatasetSplit>(StringComparer.Ordinal);
        Section list = top.Child("splits", null);
        foreach ((string name, YamlNode node) in list.Entries)
            splits.Add(name, ReadSplit(Section.Of(path, node, $"split '{name}'", s_split)));
        if (splits.Count == 0) throw list.Fault("there must be at least one split.");
        string defaultSplit = top.Text("default_split")
            ?? (splits.Count == 1 ? splits.Keys.First() : throw top.Fault("'default_split' is missing."));
        if (!splits.ContainsKey(defaultSplit))
            throw top.Fault($"default_split '{defaultSplit}' is none of {string.Join(", ", splits.Keys)}.", "default_split");
        return new DatasetDescriptor(
            path, top.Required("name"), top.Text("title") ?? "", top.Text("license") ?? "unknown", source, top.Text("join") ?? "\n\n",
            splits.ToImmutable(), defaultSplit);
    }

    private static DatasetSource ReadSource(Section section)
    {
        string[] kinds = [.. s_kinds.Where(k => section.Text(k) is not null)];
        if (kinds.Length != 1) throw section.Fault("a source has exactly one of npm, url, path and trace.");
        if (kinds[0] == "npm") section.Required("version");
        if (kinds[0] == "url") section.Required("sha256");
        if (kinds[0] == "trace") _ = (section.Required("seed"), section.Required("documents"), section.Required("tokens"));
        Uri? url = null;
        if (section.Text("url") is { } address
            && (!Uri.TryCreate(address, UriKind.Absolute, out url) || url.Scheme is not ("https" or "http")))
            throw section.Fault($"'{address}' is not an http address.", "url");
        if (section.Text("npm") is { } package && package.Split('/').Any(p => p is "" or "." or ".."))
            throw section.Fault($"'{package}' is not a package name.", "npm");
        return new DatasetSource
        {
            Npm = section.Text("npm"),
            Version = section.Text("version"),
            Url = url,
            Sha256 = section.Hash("sha256"),
            Entry = section.Text("entry"),
            Path = section.Text("path"),
            Trace = section.Text("trace"),
            Seed = section.Number("seed", 0, long.MaxValue) ?? 0,
            Documents = (int)(section.Number("documents", 1, TraceSampler.MaxDocuments) ?? 0),
            Tokens = (int)(section.Number("tokens", 1, TraceSampler.MaxTokens) ?? 0),
            Files = section.Text("files") ?? "*.txt",
        };
    }

    private static DatasetSplit ReadSplit(Section section)
    {
        var split = new DatasetSplit
        {
            Every = (int)(section.Number("every", 1, 1_000_000) ?? 0),
            At = (int)(section.Number("at", 0, 1_000_000) ?? 0),
            Rest = section.Text("rest") == "true",
            Entry = section.Text("entry"),
            Bytes = section.Number("bytes", 0, long.MaxValue),
            Sha256 = section.Hash("sha256"),
        };
        if (split.Every > 0 && split.At >= split.Every) throw section.Fault($"'at' must be below 'every' ({split.Every}).", "at");
        if (split.Rest && split.Every > 0) throw section.Fault("a split is either by index or the rest, not both.", "rest");
        return split;
    }

    /// <summary>A mapping whose faults know their place.</summary>
    private sealed class Section
    {
        private readonly string _file;
        private readonly YamlMappingNode _node;
        private readonly string _what;

        private Section(string file, YamlMappingNode node, string what) => (_file, _node, _what) = (file, node, what);

        public IEnumerable<(string Key, YamlNode Value)> Entries =>
            _node.Children.Select(c => (((YamlScalarNode)c.Key).Value ?? "", c.Value));

        public static Section Of(string file, YamlNode node, string what, string[]? keys)
        {
            if (node is not YamlMappingNode mapping) throw At(file, node, $"{what} must be a mapping.");
            foreach (YamlNode key in mapping.Children.Keys)
            {
                if (key is not YamlScalarNode { Value: { } name }) throw At(file, key, $"{what} has a key that is no text.");
                if (keys is not null && !keys.Contains(name))
                    throw At(file, key, $"{what} has no key '{name}'.", $"Known keys: {string.Join(", ", keys)}.");
            }

            return new Section(file, mapping, what);
        }

        public Section Child(string key, string[]? keys) =>
            Find(key) is { } node ? Of(_file, node, $"'{key}'", keys) : throw Fault($"'{key}' is missing.");

        public string? Text(string key) => Find(key) switch
        {
            null => null,
            YamlScalarNode scalar => scalar.Value,
            _ => throw Fault($"'{key}' must be text.", key),
        };

        public string Required(string key) => Text(key) is { Length: > 0 } text ? text : throw Fault($"'{key}' is missing.");

        public long? Number(string key, long min, long max)
        {
            if (Text(key) is not { } text) return null;
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max
                ? value
                : throw Fault($"'{key}' must be a whole number from {min}, not '{text}'.", key);
        }

        public string? Hash(string key)
        {
            if (Text(key) is not { } text) return null;
            return text.Length == 64 && text.All(char.IsAsciiHexDigitLower)
                ? text
                : throw Fault($"'{key}' must be 64 lower-case hex digits.", key);
        }

        public SuiteException Fault(string problem, string? key = null) =>
            At(_file, (key is null ? null : Find(key)) ?? _node, $"{_what}: {problem}");

        private static SuiteException At(string file, YamlNode node, string problem, string? hint = null) =>
            new(file, (int)node.Start.Line, (int)node.Start.Column, problem, hint);

        private YamlNode? Find(string key) =>
            _node.Children.FirstOrDefault(c => c.Key is YamlScalarNode scalar && scalar.Value == key).Value;
    }
}
