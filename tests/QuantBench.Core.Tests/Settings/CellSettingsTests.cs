using System.Text.Json;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Tests.Settings;

public sealed class CellSettingsTests
{
    [Fact]
    public void Json_KeepsValuesOfTheirKind()
    {
        CellSettings written = CellSettings.Empty.With("n_ctx", 512).With("seed", long.MaxValue).With("target_ci", 0.5).With("a", true)
            .With("dataset", "sotu");
        CellSettings read = JsonSerializer.Deserialize<CellSettings>(written.ToString())!; // an object
        Assert.Equal(written, read);
        Assert.Equal(written.Select(s => (s.Key, s.Value)), read.Select(s => (s.Key, s.Value)));
        Assert.IsType<long>(read.Single(s => s.Key == "n_ctx").Value);
        Assert.Equal(long.MaxValue, read.Int("seed"));
    }

    [Fact]
    public void Json_RefusesANumberBeyondDoubles() =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<CellSettings>("""{ "target_ci": 1e999 }"""));
}
