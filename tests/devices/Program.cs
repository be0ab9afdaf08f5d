using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.DeviceCheck;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
try
{
    return Commands.Run(args);
}
catch (QuantBenchException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    if (e.Hint is { } hint) Console.Error.WriteLine($"hint: {hint}");
    return 1;
}
