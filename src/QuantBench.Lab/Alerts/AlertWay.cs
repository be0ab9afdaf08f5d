namespace QuantBench.Lab.Alerts;

/// <summary>How alerts go out.</summary>
public enum AlertWay
{
    /// <summary>Posted to an address.</summary>
    Webhook,

    /// <summary>By mail.</summary>
    Mail,
}
