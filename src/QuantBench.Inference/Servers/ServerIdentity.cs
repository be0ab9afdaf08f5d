using System.Collections.Immutable;

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
}
