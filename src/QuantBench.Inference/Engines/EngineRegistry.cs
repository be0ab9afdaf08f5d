using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Inference.Engines;

/// <summary>What an engine is given when it is made.</summary>
public sealed record EngineEnvironment
{
    /// <summary>Receives the engine's own log lines; never the user's terminal.</summary>
    public required Action<string> Log { get; init; }

    /// <summary>Root of the checkout or installation: where pinned native builds are found.</summary>
    public required string Root { get; init; }

    /// <summary>
    /// Native libraries, or directories of them, that the user named: by engine name, further ones of an engine as <c>engine:NAME</c>;
    /// absent = the pinned build.
    /// </summary>
    public ImmutableSortedDictionary<string, string> NativeDirectories { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>An engine's line in the registry.</summary>
/// <param name="Facts">What is known of it without starting it.</param>
/// <param name="Create">Makes the engine; throws <see cref="QuantBench.Core.Errors.EngineException"/> with a hint when its libraries are
/// missing.</param>
/// <param name="CreateBuilders">Makes the engine's artifact builders; empty when it has none.</param>
public sealed record EngineRegistration(
    EngineFacts Facts, Func<EngineEnvironment, IEngine> Create, Func<EngineEnvironment, ImmutableArray<IArtifactBuilder>> CreateBuilders)
{
    /// <summary>Engine name in backend ids.</summary>
    public string Name => Facts.Name;
}

/// <summary>The engines of this installation, handed in by the composition root.</summary>
/// <param name="Registrations">One line per engine.</param>
public sealed record EngineRegistry(ImmutableArray<EngineRegistration> Registrations)
{
    /// <summary>What is known of them without starting them.</summary>
    public EngineCatalog Catalog { get; } = new([.. Registrations.Select(r => r.Facts)]);

    /// <summary>The engine of a name, or null.</summary>
    public EngineRegistration? Find(string name) => Registrations.FirstOrDefault(r => r.Name == name);
}
