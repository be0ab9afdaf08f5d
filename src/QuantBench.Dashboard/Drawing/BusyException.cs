using QuantBench.Core.Errors;

namespace QuantBench.Dashboard.Drawing;

/// <summary>The server has too much to do just now.</summary>
internal sealed class BusyException(string message, string? hint = null) : QuantBenchException(message, hint);
