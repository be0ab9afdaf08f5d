using QuantBench.Models.Weights;

namespace QuantBench.Models.Graphs;

/// <summary>What a layer of latent attention has beside <see cref="Layer.Query"/>, which makes whole query heads of what queries are
/// compressed to (else of the layer's input), and <see cref="Layer.Key"/>, which compresses keys and values.</summary>
public sealed unsafe class LatentAttention
{
    /// <summary>Compresses queries, [query rank, width]; null where they aren't.</summary>
    public required Linear? QueryDown { get; init; }

    /// <summary>[query rank]; null where queries aren't compressed.</summary>
    public required float* QueryNorm { get; init; }

    /// <summary>[key rank].</summary>
    public required float* KeyNorm { get; init; }

    /// <summary>Of each head [key rank, plain width]: turns the plain part of a query into what compressed keys are met by.</summary>
    public required WeightMatrix[] KeyUp { get; init; }

    /// <summary>Of each head [value width, key rank].</summary>
    public required WeightMatrix[] ValueUp { get; init; }
}
