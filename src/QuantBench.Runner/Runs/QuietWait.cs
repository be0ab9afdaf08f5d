using QuantBench.Core.Machine;

namespace QuantBench.Runner.Runs;

/// <summary>Waits before timings until other processes leave the machine alone, for a limited time in all.</summary>
/// <param name="clock">The one clock.</param>
/// <param name="budget">How long a run may wait.</param>
/// <param name="cores">What the cores did since the last call; null where it isn't known.</param>
internal sealed class QuietWait(TimeProvider clock, TimeSpan budget, Func<CoreUse?> cores)
{
    /// <summary>Share of all cores below which a machine counts as quiet.</summary>
    public const double MostOther = 0.1;

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private TimeSpan _waited;

    /// <summary>Waits while the machine is busy and time is left.</summary>
    /// <param name="waiting">Called once with the share that others keep busy, when there is something to wait for.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Whether the machine was quiet, or isn't known to be busy.</returns>
    public async Task<bool> WaitAsync(Action<double> waiting, CancellationToken cancellationToken)
    {
        bool said = false;
        if (_waited < budget) _ = cores(); // what was before doesn't count
        while (_waited < budget)
        {
            await Task.Delay(s_look, clock, cancellationToken);
            _waited += s_look;
            if (cores() is not { } use || use.OtherShare < MostOther) return true;
            if (!said) waiting(use.OtherShare);
            said = true;
        }

        return budget == TimeSpan.Zero;
    }
}
