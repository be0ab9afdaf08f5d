using System.Collections.Immutable;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Engines;

/// <summary>What is known of an engine without starting it; its registration states it.</summary>
/// <param name="Name">The name in backend ids, e.g. <c>engine</c> in <c>engine/cpu</c>.</param>
/// <param name="Description">One line for <c>doctor</c>.</param>
/// <param name="UsualDevice">The device that examples name.</param>
public sealed record EngineFacts(string Name, string Description, string UsualDevice)
{
    /// <summary>Formats of artifacts it reads; empty = it is asked at run time.</summary>
    public ImmutableArray<string> Formats { get; init; } = [];

    /// <summary>Whether it can tokenize text by the vocabulary of a GGUF file.</summary>
    public bool Tokenizes { get; init; }

    /// <summary>The settings that are its own; every workload that runs a model takes them. Their keys start with a word of the
    /// engine.</summary>
    public ImmutableArray<SettingDefinition> Settings { get; init; } = [];

    /// <summary>What it can't do with settings that are each right; null when nothing.</summary>
    public Func<CellSettings, (string Problem, string Hint)?> Check { get; init; } = _ => null;

    /// <summary>Settings under which it rounds once what passes from layer to layer; null = it can't. The noise floor of references is
    /// measured so.</summary>
    public CellSettings? LayerRounding { get; init; }

    /// <summary>Native libraries of it that the user may name.</summary>
    public ImmutableArray<NativeLibrary> Libraries { get; init; } = [];

    /// <summary>Whether its devices are servers, which a profile for offline use leaves out.</summary>
    public bool IsRemote { get; init; }

    /// <summary>Whether the project of microbenchmarks times its kernels.</summary>
    public bool HasMicrobenchmarks { get; init; }
}
