using System.Reflection;
using QuantBench.TestRun;
using Xunit.Abstractions;
using Xunit.Sdk;

// testrun ASSEMBLY [PART OF A TEST'S NAME ...]: runs xunit tests in this very process. The test platform starts processes of its own, which
// an emulated processor can't; one published program can.
if (args.Length == 0)
{
    Console.Error.WriteLine("usage: testrun ASSEMBLY [PART OF A TEST'S NAME ...]");
    return 64;
}

var log = new NullMessageSink();
using var framework = new XunitTestFramework(log);
var options = new RunOptions();
Assembly assembly = Assembly.Load(args[0]);
using var found = new FoundCases(test =>
    args.Length == 1 || args.Skip(1).Any(part => test.DisplayName.Contains(part, StringComparison.Ordinal)));
using ITestFrameworkDiscoverer discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
discoverer.Find(false, found, options);
found.Wait();
using var results = new TestResults(Console.Out);
using ITestFrameworkExecutor executor = framework.GetExecutor(assembly.GetName());
executor.RunTests(found.Cases, results, options);
results.Wait();
Console.WriteLine($"{results.Passed} passed, {results.Failed} failed");
return results is { Passed: > 0, Failed: 0 } ? 0 : 1;
