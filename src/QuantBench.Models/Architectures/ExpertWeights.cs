namespace QuantBench.Models.Architectures;

/// <summary>What the router's figures become before the experts' results are added up.</summary>
public enum ExpertWeights
{
    /// <summary>Softmax over all experts; the chosen ones keep their share.</summary>
    Softmax,

    /// <summary>The same, divided by the sum of the chosen ones' shares.</summary>
    Normalised,

    /// <summary>Softmax over the chosen ones alone.</summary>
    SoftmaxOfChosen,
}
