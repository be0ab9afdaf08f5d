namespace QuantBench.Analysis.Compare;

/// <summary>What verdicts have in common.</summary>
public static class Verdicts
{
    /// <summary>Whether it says that the figures differ.</summary>
    public static bool IsShown(this Verdict verdict) => verdict is Verdict.Better or Verdict.Worse or Verdict.Different;
}
