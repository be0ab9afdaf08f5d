using System.Collections.Immutable;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Suites;

/// <summary>A YAML value that remembers where it was written.</summary>
/// <param name="File">The file it was written in.</param>
/// <param name="Line">1-based line.</param>
/// <param name="Column">1-based column.</param>
/// <param name="Count">Nodes of the subtree with aliases expanded, this one included.</param>
internal abstract record SuiteNode(string File, int Line, int Column, int Count)
{
    /// <summary>What it is, for messages.</summary>
    public abstract string Kind { get; }

    /// <summary>An error at this place.</summary>
    public SuiteException Error(string problem, string? hint = null) => new(File, Line, Column, problem, hint);
}

/// <summary>A scalar.</summary>
/// <param name="File">The file it was written in.</param>
/// <param name="Line">1-based line.</param>
/// <param name="Column">1-based column.</param>
/// <param name="Value">Its text.</param>
/// <param name="Plain">Whether it was written without quotes; only plain scalars can be numbers, booleans or null.</param>
internal sealed record SuiteScalar(string File, int Line, int Column, string Value, bool Plain) : SuiteNode(File, Line, Column, 1)
{
    public bool IsNull => Plain && Value is "" or "~" or "null";

    public override string Kind => IsNull ? "nothing" : Plain ? $"'{Shortened}'" : $"the text \"{Shortened}\"";

    public string Shortened => Value.Length <= 60 ? Value : Value[..57] + "...";
}

/// <summary>A sequence.</summary>
internal sealed record SuiteList(string File, int Line, int Column, int Count, ImmutableArray<SuiteNode> Items)
    : SuiteNode(File, Line, Column, Count)
{
    public override string Kind => "a list";
}

/// <summary>A mapping without duplicate keys, in the order written.</summary>
internal sealed record SuiteMap(string File, int Line, int Column, int Count, ImmutableArray<(SuiteScalar Key, SuiteNode Value)> Entries)
    : SuiteNode(File, Line, Column, Count)
{
    public override string Kind => "a map";

    public SuiteNode? Find(string key) => Entries.FirstOrDefault(e => e.Key.Value == key).Value;
}
