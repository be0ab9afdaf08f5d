using QuantBench.Lab.Reviews;

namespace QuantBench.Lab.Tests.Reviews;

public sealed class ChangeReviewsTests : IDisposable
{
    private static readonly ChangeKey s_key = new("tg_tps", "cell", "machine", "20260301-120000-nightly-0001");
    private readonly LabFixture _lab = new();
    private readonly ChangeReviews _reviews;

    public ChangeReviewsTests() => _reviews = new ChangeReviews(_lab.Database, _lab.Audit, _lab.Clock);

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Acknowledge_IsKept_WithWhoWhenAndWhy()
    {
        _reviews.Acknowledge(s_key, "  the governor changed  ", "ada");

        ChangeReview review = Assert.Single(_reviews.All()).Value;
        Assert.Equal((s_key, "ada", _lab.Clock.GetUtcNow().ToUnixTimeMilliseconds(), "the governor changed"),
            (review.Key, review.Actor, review.At.ToUnixTimeMilliseconds(), review.Note));
        Assert.Equal("change.acknowledge", _lab.Audit.Read()[0].Action);
    }

    [Fact]
    public void Acknowledge_ReplacesTheEarlierOne()
    {
        _reviews.Acknowledge(s_key, "first", "ada");
        _reviews.Acknowledge(s_key, "second", "bob");

        Assert.Equal(("bob", "second"), (Assert.Single(_reviews.All()).Value.Actor, _reviews.All()[s_key].Note));
    }

    [Fact]
    public void Reopen_TakesItBack_Once()
    {
        _reviews.Acknowledge(s_key, "", "ada");

        Assert.True(_reviews.Reopen(s_key, "bob"));
        Assert.False(_reviews.Reopen(s_key, "bob"));
        Assert.Empty(_reviews.All());
        Assert.Equal(["change.reopen", "change.acknowledge"], _lab.Audit.Read().Select(e => e.Action));
    }

    [Fact]
    public void Acknowledge_Refuses_WhatNamesNoChange() =>
        Assert.Throws<ArgumentException>(() => _reviews.Acknowledge(s_key with { CellId = "" }, "", "ada"));
}
