using QuantBench.Runner.Events;

namespace QuantBench.Cli.Views;

/// <summary>Shows a run while it happens.</summary>
internal interface IRunView : IProgress<RunEvent>
{
    /// <summary>Whether people read it: they get the table and the paths at the end.</summary>
    bool ForPeople { get; }

    /// <summary>Runs what reports to this view.</summary>
    /// <param name="run">The run.</param>
    Task<RunOutcome> ShowAsync(Func<Task<RunOutcome>> run);
}
