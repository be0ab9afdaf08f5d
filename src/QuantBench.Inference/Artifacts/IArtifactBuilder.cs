using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>
/// Makes artifacts of some names from a model source. An artifact's name is a variant id (<c>gguf:Q4_K_M</c>) or <c>imatrix</c>. Builders
/// form a graph: a recipe names the artifacts it starts from, and the preparer builds those first. Building runs in a worker process.
/// </summary>
public interface IArtifactBuilder
{
    /// <summary>Name in recipes, e.g. <c>llamacpp-quantize</c>.</summary>
    string Name { get; }

    /// <summary>Whether this builder makes that artifact from that source; asked of each registered builder in turn.</summary>
    /// <param name="source">The model source.</param>
    /// <param name="artifactName">Variant id or <c>imatrix</c>.</param>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">The source is broken, or (an <see
    /// cref="QuantBench.Core.Errors.UnsupportedException"/>) of a kind that isn't read.</exception>
    Support CanBuild(ModelSource source, string artifactName);

    /// <summary>Everything that decides the output's bytes, and what must exist first. Cheap: no weights are read.</summary>
    /// <param name="source">The model source.</param>
    /// <param name="artifactName">Variant id or <c>imatrix</c>.</param>
    /// <param name="calibration">How importance matrices are computed.</param>
    ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration);

    /// <summary>Builds.</summary>
    /// <param name="request">Inputs and where to write.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops as soon as it can; the output is then incomplete and thrown away.</param>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">The inputs are broken or the builder refused.</exception>
    void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken);
}

/// <summary>Everything that decides an artifact's bytes.</summary>
/// <param name="Builder">Name of the builder.</param>
/// <param name="BuilderBuild">Build of the code that does the work, e.g. the native library's version.</param>
/// <param name="Inputs">Names of the artifacts it starts from; empty when it starts from the source itself.</param>
/// <param name="Parameters">All parameters, e.g. ftype, calibration text hash, chunks.</param>
public sealed record ArtifactRecipe(
    string Builder, string BuilderBuild, ImmutableArray<string> Inputs, ImmutableSortedDictionary<string, string> Parameters);

/// <summary>Calibration text for an importance matrix, already tokenized.</summary>
/// <param name="TokensPath">Path of the token file (<c>TokenFile</c> in Formats).</param>
/// <param name="TextSha256">SHA-256 of the text.</param>
/// <param name="Chunks">Chunks to use; 0 = all.</param>
/// <param name="ContextLength">Chunk length in tokens.</param>
public sealed record CalibrationText(string TokensPath, string TextSha256, int Chunks, int ContextLength);

/// <summary>One build.</summary>
/// <param name="Source">The model source.</param>
/// <param name="ArtifactName">What to make.</param>
/// <param name="InputPaths">Artifact name → path, for every input of the recipe.</param>
/// <param name="OutputPath">Where to write; a fresh path on the registry's file system, renamed by the caller when done.</param>
/// <param name="Calibration">Calibration text, when the recipe needs it.</param>
/// <param name="Threads">CPU threads to use.</param>
public sealed record BuildRequest(
    ModelSource Source, string ArtifactName, ImmutableSortedDictionary<string, string> InputPaths, string OutputPath,
    CalibrationText? Calibration, int Threads);
