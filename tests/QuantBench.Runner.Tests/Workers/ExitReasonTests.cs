using QuantBench.Core.Cells;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tests.Workers;

public sealed class ExitReasonTests
{
    [Theory]
    [InlineData(137, true, 8L << 30, 1L << 30, FailureKind.OutOfMemory, "out-of-memory killer ended the worker at 1024 MiB")]
    [InlineData(137, false, 100L << 20, 4L << 30, FailureKind.OutOfMemory, "100 MiB available")]
    [InlineData(137, false, 8L << 30, 1L << 30, FailureKind.Crashed, "SIGKILL at 1024 MiB")]
    [InlineData(139, true, 0L, 0L, FailureKind.Crashed, "SIGSEGV")] // a crash is a crash, whatever the kernel killed meanwhile
    [InlineData(0, false, null, 0L, FailureKind.Crashed, "without a result")]
    [InlineData(200, false, null, 0L, FailureKind.Crashed, "exit code 200")] // no signal has number 72
    public void Explain_TellsMemoryFromCrashes(int code, bool oom, long? available, long resident, FailureKind kind, string words)
    {
        (FailureKind found, string reason) = ExitReason.Explain(code, oom, available, resident);

        Assert.Equal(kind, found);
        Assert.Contains(words, reason, StringComparison.Ordinal);
    }
}
