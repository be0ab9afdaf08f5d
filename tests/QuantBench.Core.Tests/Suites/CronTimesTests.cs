using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.TestKit;

namespace QuantBench.Core.Tests.Suites;

public sealed class CronTimesTests
{
    [Theory]
    [InlineData("H H * * *")] // a hash of another scheduler
    [InlineData("H")]
    [InlineData("0 0 30 2 *")] // no such day
    [InlineData("0 0 31 4,6 *")]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("@never")]
    [InlineData("* * * * * * *")]
    [InlineData("99 * * * *")]
    [InlineData("*/0 * * * *")]
    [InlineData("L W # ? -")]
    [InlineData("\0 \uD800 * * *")]
    public void TryParse_SaysWhatIsWrong(string text)
    {
        Assert.False(CronTimes.TryParse(text, null, out CronTimes? times, out string? problem));

        Assert.Null(times);
        Assert.Contains(text, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("@daily")]
    [InlineData("0 0 29 2 *")] // comes, if seldom
    [InlineData("0 30 2 * * *")]
    public void TryParse_TakesWhatComes(string text)
    {
        Assert.True(CronTimes.TryParse(text, null, out CronTimes? times, out string? problem), problem);

        Assert.NotNull(times.Next(new DateTimeOffset(2026, 11, 30, 0, 0, 0, TimeSpan.Zero)));
    }

    [Fact]
    public void TryParse_NeverThrows_WhateverItIsGiven()
    {
        var random = new Random(13);
        const string letters = "0123456789 */-,?LW#H@adnMON\0é.";
        for (int i = 0; i < 20_000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(24)).Select(_ => letters[random.Next(letters.Length)]));
            CronTimes.TryParse(text, null, out _, out _);
        }
    }

    [Theory]
    [InlineData("", SuiteSchedule.DefaultConfirm)]
    [InlineData(", confirm: 0", 0)]
    [InlineData(", confirm: 20", 20)]
    [InlineData(", confirm: 21", null)]
    [InlineData(", confirm: -1", null)]
    [InlineData(", confirm: often", null)]
    public void Schedule_SaysHowOftenToConfirm(string confirm, int? expected)
    {
        Suite Load() => SuiteLoader.Parse($$"""
            suite: nightly
            models: [{ id: m, source: /m }]
            variants: [gguf:F16]
            backends: [llamacpp/cpu]
            schedule: { cron: 30 2 * * *{{confirm}} }
            workloads: [{ load: null }]
            """, "/nightly.yaml", "/", TestEngines.Catalog);

        if (expected is null) Assert.Contains("'confirm' can't be", Assert.Throws<SuiteException>(Load).Message, StringComparison.Ordinal);
        else Assert.Equal(expected, Load().Schedule?.Confirm);
    }

    [Fact]
    public void Suite_IsBroken_WhenItsCronIs()
    {
        using var directory = new TemporaryDirectory();
        string file = directory.Combine("hash.yaml");
        File.WriteAllText(file, "suite: hash\nschedule: { cron: H H * * * }\n");

        SuiteException e = Assert.Throws<SuiteException>(() => SuiteLoader.Load(file, EngineCatalog.None));

        Assert.Equal(2, e.Line);
        Assert.Contains("not a cron expression", e.Message, StringComparison.Ordinal);
    }
}
