using System.Runtime.CompilerServices;

namespace QuantBench.TestKit;

/// <summary>Test runs don't wait for each other's measurements: no figure of theirs is looked at.</summary>
internal static class OwnMachine
{
#pragma warning disable CA2255 // The attribute is for applications: a test's process is one, and its children must inherit this.
    [ModuleInitializer]
    internal static void DoNotWait() => Environment.SetEnvironmentVariable("QUANTBENCH_LOCK", "off");
#pragma warning restore CA2255
}
