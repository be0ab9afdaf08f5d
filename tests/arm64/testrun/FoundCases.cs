using Xunit.Abstractions;

namespace QuantBench.TestRun;

/// <summary>Collects the test cases that were asked for.</summary>
internal sealed class FoundCases(Func<ITestCase, bool> wanted) : IMessageSink, IDisposable
{
    private readonly ManualResetEventSlim _done = new();

    public List<ITestCase> Cases { get; } = [];

    public bool OnMessage(IMessageSinkMessage message)
    {
        if (message is ITestCaseDiscoveryMessage discovered && wanted(discovered.TestCase)) Cases.Add(discovered.TestCase);
        if (message is IDiscoveryCompleteMessage) _done.Set();
        return true;
    }

    public void Wait() => _done.Wait();

    public void Dispose() => _done.Dispose();
}
