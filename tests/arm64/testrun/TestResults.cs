using System.Globalization;
using Xunit.Abstractions;

namespace QuantBench.TestRun;

/// <summary>Prints what each test says and counts.</summary>
internal sealed class TestResults(TextWriter output) : IMessageSink, IDisposable
{
    private readonly ManualResetEventSlim _done = new();

    public int Passed { get; private set; }

    public int Failed { get; private set; }

    public bool OnMessage(IMessageSinkMessage message)
    {
        switch (message)
        {
            case ITestPassed passed:
                Passed++;
                output.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"passed {passed.Test.DisplayName} ({passed.ExecutionTime:F1} s)"));
                break;
            case ITestFailed failed:
                Failed++;
                output.WriteLine($"FAILED {failed.Test.DisplayName}: {string.Join(" / ", failed.Messages)}");
                output.WriteLine(string.Join('\n', failed.StackTraces));
                break;
            case IErrorMessage error:
                Failed++;
                output.WriteLine($"FAILED outside a test: {string.Join(" / ", error.Messages)}");
                break;
            case ITestAssemblyFinished:
                _done.Set();
                break;
        }

        return true;
    }

    public void Wait() => _done.Wait();

    public void Dispose() => _done.Dispose();
}
