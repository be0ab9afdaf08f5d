using System.Collections.Immutable;

namespace QuantBench.Core.Suites;

/// <summary>A server that a run starts by itself: one at a time, for as long as the next cell needs the same one.</summary>
/// <param name="Id">Its name; backends name it behind their <c>@</c>.</param>
/// <param name="Command">
/// The program and its arguments. <see cref="ModelMark"/>, <see cref="PortMark"/> and <see cref="VariantMark"/> stand for the artifact's
/// path, the port and the variant's id. A program with a slash is looked for from the suite's directory, others on PATH.
/// </param>
public sealed record SuiteServer(string Id, ImmutableArray<string> Command)
{
    /// <summary>Stands for the path of the cell's artifact.</summary>
    public const string ModelMark = "{model}";

    /// <summary>Stands for the port.</summary>
    public const string PortMark = "{port}";

    /// <summary>Stands for the id of the cell's variant.</summary>
    public const string VariantMark = "{variant}";

    /// <summary>Path, or whole address, that answers with a status of 2xx once the server is ready.</summary>
    public string Health { get; init; } = "/health";

    /// <summary>Its port; 0 = a free one.</summary>
    public int Port { get; init; }

    /// <summary>Variables added to the environment that the server inherits.</summary>
    public ImmutableSortedDictionary<string, string> Environment { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>How long it may take until it is ready.</summary>
    public TimeSpan ReadyTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether its command or environment names the artifact, so that each needs a server of its own.</summary>
    public bool ServesArtifact => Command.Concat(Environment.Values).Any(a =>
        a.Contains(ModelMark, StringComparison.Ordinal) || a.Contains(VariantMark, StringComparison.Ordinal));
}
