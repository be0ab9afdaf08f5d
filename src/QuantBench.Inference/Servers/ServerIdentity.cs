using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Inference.Servers;

/// <summary>What a server says that it runs; null = not said.</summary>
/// <param name="Server">Product and version, e.g. <c>llama.cpp b9999</c>; part of every timing's comparability.</param>
/// <param name="Model">Its name of the model, for requests.</param>
public sealed record ServerIdentity(string Server, string Model)
{
    /// <summary>Quantization of the weights, e.g. <c>Q4_K_M</c>.</summary>
    public string? Quantization { get; init; }

    /// <summary>Bytes of the model.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Tokens a request may hold.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Share of the model that is on a device other than the host.</summary>
    public double? DeviceShare { get; init; }

    /// <summary>Further facts that identify the answer, by name; recorded with the cell. No secrets.</summary>
    public ImmutableSortedDictionary<string, string> Facts { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>All of it as facts of a cell.</summary>
    public IEnumerable<(string Key, string Value)> ToFacts()
    {
        yield return ("server_model", Model);
        if (Quantization is { } quantization) yield return ("server_quantization", quantization);
        if (SizeBytes is { } size) yield return ("server_model_bytes", size.ToString(CultureInfo.InvariantCulture));
        if (ContextLength is { } length) yield return ("server_context", length.ToString(CultureInfo.InvariantCulture));
        if (DeviceShare is { } share) yield return ("server_device_share", share.ToString("0.###", CultureInfo.InvariantCulture));
        foreach ((string key, string value) in Facts) yield return ($"server_{key}", value);
    }

    /// <summary>Checks that the server runs an artifact, as far as it tells: a server that runs something else is a failure.</summary>
    /// <param name="artifact">What it shall run.</param>
    /// <exception cref="EngineException">It runs another model, or another quantization of it.</exception>
    public void CheckRuns(Artifact artifact)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        const string Hint = "Start the server with the cell's artifact: {model} in the 'command' of a suite's server stands for it.";
        if (Number("parameters") is { } parameters && artifact.ParameterCount > 0 && parameters != artifact.ParameterCount)
        {
            throw new EngineException($"{Server} runs another model than {artifact.Variant}: '{Model}' has {parameters} weights, the "
                + $"artifact {artifact.ParameterCount}.", Hint);
        }

        // Of what the file holds, not of what runs: with buffers, servers that tell the latter say more.
        if (Number("weight_bytes") is { } bytes && artifact.WeightBytes > 0 && bytes != artifact.WeightBytes)
        {
            throw new EngineException($"{Server} runs another quantization than {artifact.Variant}: the weights of '{Model}' "
                + $"({Quantization ?? "not said"}) are {bytes} bytes, the artifact's {artifact.WeightBytes}.", Hint);
        }
    }

    private long? Number(string fact) =>
        long.TryParse(Facts.GetValueOrDefault(fact), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
}
