namespace QuantBench.Lab.Alerts;

/// <summary>Looks for what somebody should hear of.</summary>
public interface IAlertSource
{
    /// <summary>What there is, told before or not.</summary>
    /// <param name="settings">How alerts are set; nothing from before <see cref="AlertSettings.Since"/> counts.</param>
    IEnumerable<Alert> Look(AlertSettings settings);
}
