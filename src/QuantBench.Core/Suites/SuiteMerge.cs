using System.Collections.Immutable;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>
/// The rule of <c>extends</c>: maps merge key by key, at every depth; anything else (lists, scalars) replaces what the base had. A null
/// value removes the base's key.
/// </summary>
internal static class SuiteMerge
{
    /// <summary>A base with a suite on top. Keys of the base keep their place; new ones follow.</summary>
    public static SuiteMap Merge(SuiteMap below, SuiteMap above)
    {
        ImmutableArray<(SuiteScalar Key, SuiteNode Value)>.Builder entries =
            ImmutableArray.CreateBuilder<(SuiteScalar Key, SuiteNode Value)>();
        foreach ((SuiteScalar key, SuiteNode value) in below.Entries)
        {
            switch (above.Find(key.Value))
            {
                case null: entries.Add((key, value)); break;
                case SuiteScalar { IsNull: true }: break;
                case SuiteMap map when value is SuiteMap inner: entries.Add((key, Merge(inner, map))); break;
                case { } replaced: entries.Add((above.Entries.First(e => e.Key.Value == key.Value).Key, replaced)); break;
            }
        }

        entries.AddRange(above.Entries.Where(e => below.Find(e.Key.Value) is null));
        return above with { Count = 1 + entries.Sum(e => 1 + e.Value.Count), Entries = entries.ToImmutable() };
    }

    /// <summary>Paths of a base that lies in another directory, made relative to the directory of the suite that extends it.</summary>
    public static SuiteMap Rebase(SuiteMap map, string from, string to)
    {
        string fromFull = Path.GetFullPath(from);
        string toFull = Path.GetFullPath(to);
        return fromFull == toFull ? map : (SuiteMap)Rebase(map, "", node => Move(node, fromFull, toFull));
    }

    private static SuiteNode Rebase(SuiteNode node, string key, Func<SuiteScalar, SuiteScalar> move) => node switch
    {
        SuiteScalar s when key == "source" || (key == "dataset" && s.Value.Contains('/', StringComparison.Ordinal)) => move(s),
        SuiteList l => l with { Items = [.. l.Items.Select(i => Rebase(i, key, move))] },
        SuiteMap m => m with { Entries = [.. m.Entries.Select(e => (e.Key, Rebase(e.Value, e.Key.Value, move)))] },
        _ => node,
    };

    private static SuiteScalar Move(SuiteScalar path, string from, string to)
    {
        if (path.Value == SuiteModel.ServedSource || SuiteModel.IsShape(path.Value)) return path;
        // A null byte is refused later, with its place; Path would throw here without it.
        if (path.IsNull || path.Value.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(path.Value)) return path;
        string moved = Path.GetRelativePath(to, Path.Combine(from, path.Value));
        return path with { Value = moved.Replace('\\', '/'), Plain = false };
    }
}
