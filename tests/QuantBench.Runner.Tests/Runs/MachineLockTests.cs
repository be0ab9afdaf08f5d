using QuantBench.Runner.Runs;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Runs;

public sealed class MachineLockTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    private string File => _folder.Combine("measuring.lock");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(false, false, false)] // two that measure quality don't disturb each other
    public async Task TakeAsync_WaitsForWhoTimes(bool first, bool second, bool waits)
    {
        bool said = false;
        MachineLock? held = await Take(first, () => { });

        Task<MachineLock?> task = Take(second, () => said = true);
        if (waits) Assert.NotSame(task, await Task.WhenAny(task, Task.Delay(500)));
        held!.Dispose();
        using MachineLock? taken = await task;

        Assert.NotNull(taken);
        Assert.Equal(waits, said);
    }

    [Fact]
    public async Task TakeAsync_GoesOnWithout_WhereTheFileCanNotBeHad()
    {
        Assert.Null(await MachineLock.TakeAsync(null, true, TimeProvider.System, () => { }, default));
        Assert.Null(await MachineLock.TakeAsync(_folder.Combine("no/such/folder/lock"), true, TimeProvider.System, () => { }, default));
    }

    private Task<MachineLock?> Take(bool alone, Action waiting) =>
        MachineLock.TakeAsync(File, alone, TimeProvider.System, waiting, default);
}
