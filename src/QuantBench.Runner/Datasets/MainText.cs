namespace QuantBench.Runner.Datasets;

/// <summary>Which text the main job is measured on; <c>run-bench.sh</c> decides the same by the same rule.</summary>
/// <param name="Name">The dataset.</param>
/// <param name="Reason">Why.</param>
public sealed record MainText(string Name, string Reason)
{
    private const string Speeches = "sotu";
    private const string Trace = "trace";

    /// <summary>Chooses among what is here; null when neither is.</summary>
    /// <param name="datasets">What is here.</param>
    public static MainText? Choose(IReadOnlyList<DatasetStatus> datasets)
    {
        bool Here(string name) => datasets.Any(d => d.Name == name && d is { Missing: null, Fault: null });
        return Here(Speeches) ? new MainText(Speeches, "it is here")
            : Here(Trace) ? new MainText(Trace,
                $"{Speeches}, which comes from npm, isn't here; figures on the two texts are never compared with each other") : null;
    }
}
