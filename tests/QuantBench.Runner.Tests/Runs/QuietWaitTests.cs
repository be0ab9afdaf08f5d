using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Machine;
using QuantBench.Runner.Runs;

namespace QuantBench.Runner.Tests.Runs;

public sealed class QuietWaitTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly List<double> _said = [];

    [Fact]
    public async Task WaitAsync_GoesOn_AsSoonAsTheMachineIsQuiet()
    {
        var shares = new Queue<double>([0, 0.8, 0.5, 0.05]); // the first reading is of the time before
        QuietWait wait = Wait(60, () => new CoreUse(shares.Dequeue(), 0));

        Assert.True(await RunAsync(wait));
        Assert.Empty(shares);
        Assert.Equal([0.8], _said);
    }

    [Fact]
    public async Task WaitAsync_GivesUp_WhenTheTimeOfTheWholeRunIsUsed()
    {
        int looks = 0;
        QuietWait wait = Wait(5, () =>
        {
            looks++;
            return new CoreUse(0.9, 0);
        });

        Assert.False(await RunAsync(wait));
        Assert.False(await RunAsync(wait));

        Assert.Equal(1 + 5, looks); // one a second, and one to start from
    }

    [Fact]
    public async Task WaitAsync_DoesNotWait_WhenNotAsked_OrWhereNothingIsKnown()
    {
        Assert.True(await Wait(0, () => throw new InvalidOperationException("not asked")).WaitAsync(_said.Add, default));
        Assert.True(await RunAsync(Wait(60, () => null)));
        Assert.Empty(_said);
    }

    private QuietWait Wait(int seconds, Func<CoreUse?> cores) => new(_clock, TimeSpan.FromSeconds(seconds), cores);

    private async Task<bool> RunAsync(QuietWait wait)
    {
        Task<bool> task = wait.WaitAsync(_said.Add, default);
        while (!task.IsCompleted) _clock.Advance(TimeSpan.FromSeconds(1));
        return await task;
    }
}
