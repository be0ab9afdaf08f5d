using QuantBench.Lab.Alerts;

namespace QuantBench.Dashboard.Queries;

/// <summary>Alerts about metrics that got worse, once a later run has confirmed it.</summary>
/// <param name="changes">Finds them.</param>
internal sealed class RegressionAlerts(ReviewCounter changes) : IAlertSource
{
    /// <inheritdoc/>
    public IEnumerable<Alert> Look(AlertSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return changes.Worse.Where(c => c.Confirmed >= settings.Since).Select(c => new Alert(
            $"regression {c.Key.Metric} {c.Key.CellId} {c.Key.MachineId} {c.Key.RunId}", AlertKinds.Regression, c.Sentence, c.Confirmed));
    }
}
