namespace QuantBench.Models.Graphs;

/// <summary>A feed-forward part.</summary>
/// <param name="Gate">Gate; null where hidden elements have none.</param>
/// <param name="Up">Up-projection.</param>
/// <param name="Down">Down-projection.</param>
public sealed record FeedForward(Linear? Gate, Linear Up, Linear Down)
{
    /// <summary>Its matrices.</summary>
    public IEnumerable<Linear> Linears => Gate is null ? [Up, Down] : [Gate, Up, Down];
}
