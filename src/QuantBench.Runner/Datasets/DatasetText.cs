namespace QuantBench.Runner.Datasets;

/// <summary>An assembled text.</summary>
/// <param name="Name">Name as the suite gave it.</param>
/// <param name="Text">The text.</param>
/// <param name="Sha256">SHA-256 of its UTF-8 bytes, 64 lower-case hex digits.</param>
/// <param name="Bytes">Its UTF-8 bytes.</param>
public sealed record DatasetText(string Name, string Text, string Sha256, long Bytes);

/// <summary>A line of <c>datasets list</c>.</summary>
/// <param name="Name">Name in suites.</param>
/// <param name="Title">What it is.</param>
/// <param name="License">Its licence.</param>
/// <param name="Splits">Names of its splits, the default one first.</param>
/// <param name="Missing">What must be done before it can be used; null when it is here.</param>
/// <param name="Fault">What is wrong with its descriptor; null when nothing is. Then only the file's name is known.</param>
public sealed record DatasetStatus(string Name, string Title, string License, IReadOnlyList<string> Splits, string? Missing,
    string? Fault = null);
