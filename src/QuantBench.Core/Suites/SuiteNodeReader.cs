using System.Collections.Immutable;
using QuantBench.Core.Errors;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace QuantBench.Core.Suites;

/// <summary>Composes YAML events to nodes, with limits that keep a hostile file from growing in memory.</summary>
internal sealed class SuiteNodeReader
{
    /// <summary>Longest text that is read, in characters.</summary>
    public const int LongestText = 1 << 20;

    /// <summary>Most nodes of a file, with aliases expanded.</summary>
    public const int MostNodes = 20_000;

    private const int DeepestNesting = 16;

    private readonly string _file;
    private readonly Parser _parser;
    private readonly Dictionary<string, SuiteNode> _anchors = new(StringComparer.Ordinal);
    private int _count;

    private SuiteNodeReader(string text, string file) => (_file, _parser) = (file, new Parser(new StringReader(text)));

    /// <summary>Reads the one document of a text, which must be a map.</summary>
    /// <exception cref="SuiteException">It isn't YAML, isn't a map, repeats a key, or passes a limit.</exception>
    public static SuiteMap Read(string text, string file)
    {
        if (text.Length > LongestText)
            throw new SuiteException(file, 1, 1, $"the file has {text.Length} characters; at most {LongestText} are read");
        var reader = new SuiteNodeReader(text, file);
        try
        {
            return reader.Document();
        }
        catch (YamlException e)
        {
            // The parser's message repeats the place; only its last sentence says what is wrong.
            throw new SuiteException(file, Place(e.Start.Line), Place(e.Start.Column), $"this isn't YAML: {Reason(e)}",
                "check indentation, quotes and brackets here and on the line before", e);
        }
        catch (Exception e)
            when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException or OverflowException)
        {
            // The parser's own faults on broken text; the user sees a broken file either way.
            Mark at = reader._parser.Current?.End ?? Mark.Empty;
            throw new SuiteException(file, Place(at.Line), Place(at.Column), $"this isn't YAML: {e.Message}", inner: e);
        }
    }

    private static string Reason(YamlException e)
    {
        string message = e.InnerException?.Message ?? e.Message;
        return message.ReplaceLineEndings(" ").Trim();
    }

    private static int Place(long oneBased) => (int)Math.Clamp(oneBased, 1, int.MaxValue);

    private SuiteMap Document()
    {
        Next<StreamStart>();
        if (Peek() is StreamEnd) throw new SuiteException(_file, 1, 1, "the file is empty", "a suite starts with 'suite: name'");
        Next<DocumentStart>();
        SuiteNode root = Node(0);
        Next<DocumentEnd>();
        if (Peek() is not StreamEnd) throw Error(Peek(), "a second document starts here", "a suite is one document; remove the '---'");
        return root as SuiteMap ?? throw root.Error($"a suite is a map of keys, not {root.Kind}", "a suite starts with 'suite: name'");
    }

    private SuiteNode Node(int depth)
    {
        ParsingEvent at = Peek();
        _parser.MoveNext();
        Grow(1, at);
        if (depth > DeepestNesting) throw Error(at, $"values are nested more than {DeepestNesting} deep");
        if (at is AnchorAlias alias) return Alias(alias);
        if (at is not NodeEvent start) throw Error(at, "a value is missing here");
        if (!start.Tag.IsEmpty) throw Error(at, $"the tag '{start.Tag}' isn't used in suites", "remove it");
        SuiteNode node = start switch
        {
            Scalar s => new SuiteScalar(_file, Place(s.Start.Line), Place(s.Start.Column), s.Value, s.Style == ScalarStyle.Plain),
            SequenceStart => List(start, depth),
            MappingStart => Map(start, depth),
            _ => throw Error(at, "a value is missing here"),
        };
        // Registered only when complete: an alias to a node that holds it finds no anchor, so nodes never form a cycle.
        if (!start.Anchor.IsEmpty) _anchors[start.Anchor.Value] = node;
        return node;
    }

    private SuiteNode Alias(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out SuiteNode? node))
            throw Error(alias, $"there is no anchor '&{alias.Value.Value}' before this");
        Grow(node.Count, alias);
        return node;
    }

    private SuiteList List(NodeEvent start, int depth)
    {
        ImmutableArray<SuiteNode>.Builder items = ImmutableArray.CreateBuilder<SuiteNode>();
        int count = 1;
        while (Peek() is not SequenceEnd)
        {
            SuiteNode item = Node(depth + 1);
            count += item.Count;
            items.Add(item);
        }

        _parser.MoveNext();
        return new SuiteList(_file, Place(start.Start.Line), Place(start.Start.Column), count, items.ToImmutable());
    }

    private SuiteMap Map(NodeEvent start, int depth)
    {
        ImmutableArray<(SuiteScalar, SuiteNode)>.Builder entries = ImmutableArray.CreateBuilder<(SuiteScalar, SuiteNode)>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        int count = 1;
        while (Peek() is not MappingEnd)
        {
            SuiteNode keyNode = Node(depth + 1);
            if (keyNode is not SuiteScalar key) throw keyNode.Error($"a key must be a word, not {keyNode.Kind}");
            if (!lines.TryAdd(key.Value, key.Line))
                throw key.Error($"'{key.Shortened}' is given twice; first on line {lines[key.Value]}", "keep one of them");
            SuiteNode value = Node(depth + 1);
            count += 1 + value.Count;
            entries.Add((key, value));
        }

        _parser.MoveNext();
        return new SuiteMap(_file, Place(start.Start.Line), Place(start.Start.Column), count, entries.ToImmutable());
    }

    private void Grow(int nodes, ParsingEvent at)
    {
        _count += nodes;
        if (_count > MostNodes) throw Error(at, $"the file holds more than {MostNodes} values, aliases counted");
    }

    private void Next<T>() where T : ParsingEvent
    {
        if (Peek() is not T) throw Error(Peek(), "this can't be read as YAML");
        _parser.MoveNext();
    }

    private ParsingEvent Peek()
    {
        if (_parser.Current is null && !_parser.MoveNext()) throw new SuiteException(_file, 1, 1, "the file ends too early");
        // Non-null: MoveNext returned true or Current was there before.
        return _parser.Current!;
    }

    private SuiteException Error(ParsingEvent at, string problem, string? hint = null) =>
        new(_file, Place(at.Start.Line), Place(at.Start.Column), problem, hint);
}
