namespace QuantBench.DeviceCheck;

/// <summary>A kernel's result differs from the reference.</summary>
internal sealed class CheckFailedException(string message) : Exception(message);
