using System.Collections.Immutable;

namespace QuantBench.Inference.Engines;

/// <summary>Optional ability of a loaded model: what the engine itself has to say about a cell, besides the figures.</summary>
public interface IEngineReport
{
    /// <summary>Facts that identify the answer, e.g. the options that were in effect; recorded with the cell. Read after
    /// measuring.</summary>
    ImmutableSortedDictionary<string, string> Facts { get; }

    /// <summary>Ends what was recorded while running, e.g. a profile. Called once, after measuring; the model then only fit to be
    /// disposed.</summary>
    /// <returns>Marks for the cell, one sentence each.</returns>
    ImmutableArray<string> Finish();
}
