using Microsoft.Extensions.Time.Testing;
using QuantBench.Runner.Preparation;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Preparation;

public sealed class ReferenceCacheTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 23, 4, 0, 0, TimeSpan.Zero));
    private int _computed;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task GetOrCompute_ComputesOnce_AndAgainWhatIsDamagedOrHasNoHash()
    {
        string path = await GetAsync();
        await GetAsync();
        Assert.Equal(1, _computed);

        File.WriteAllText(path, "log-probabilitieS");
        await GetAsync();
        Assert.Equal((2, "log-probabilities"), (_computed, File.ReadAllText(path)));

        File.Delete(path + ".sha256"); // as an older version left it
        await GetAsync();
        Assert.Equal(3, _computed);
    }

    [Fact]
    public async Task Garbage_TakesTheHashWithItsFile()
    {
        string path = await GetAsync();
        _clock.Advance(TimeSpan.FromDays(31));

        string[] garbage = [.. new ReferenceCache(_folder.Path, _clock).Garbage(long.MaxValue, TimeSpan.FromDays(30)).Select(g => g.Path)];

        Assert.Equal([path, path + ".sha256"], garbage);
    }

    private Task<string> GetAsync() => new ReferenceCache(_folder.Path, _clock).GetOrComputeAsync(
        "key", (to, stop) =>
        {
            _computed++;
            return File.WriteAllTextAsync(to, "log-probabilities", stop);
        },
        CancellationToken.None);
}
