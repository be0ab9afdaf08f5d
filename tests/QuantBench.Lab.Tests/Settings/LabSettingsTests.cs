using QuantBench.Lab.Settings;

namespace QuantBench.Lab.Tests.Settings;

public sealed class LabSettingsTests : IDisposable
{
    private readonly LabFixture _lab = new();

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Set_IsKept_TakenBack_AndAuditedOncePerChange()
    {
        var settings = new LabSettings(_lab.Database, _lab.Audit);

        settings.Set("listen", "0.0.0.0", "ada");
        settings.Set("listen", "0.0.0.0", "ada");
        Assert.Equal("0.0.0.0", settings.Get("listen"));
        settings.Set("listen", null, "ada");

        Assert.Null(settings.Get("listen"));
        Assert.Equal([("0.0.0.0", (string?)null), (null, "0.0.0.0")], _lab.Audit.Read().Select(e => (e.Before, e.After)));
    }
}
