namespace QuantBench.Models.Graphs;

/// <summary>Experts of one layer, and the router that picks a few of them for each token.</summary>
public sealed unsafe class Experts
{
    /// <summary>[experts, width]: rates them.</summary>
    public required Linear Router { get; init; }

    /// <summary>Gate of each.</summary>
    public required Linear[] Gate { get; init; }

    /// <summary>Up-projection of each.</summary>
    public required Linear[] Up { get; init; }

    /// <summary>Down-projection of each.</summary>
    public required Linear[] Down { get; init; }

    /// <summary>[experts]: added to ratings when experts are chosen, and not when they are weighed; null where there is
    /// none.</summary>
    public float* ChoiceBias { get; init; }

    /// <summary>[width]: weighs the layer's common feed-forward part, by the logistic function of the product; null where there is
    /// none.</summary>
    public float* CommonRouter { get; init; }
}
