using QuantBench.Core.Suites;

namespace QuantBench.Core.Tests.Suites;

public sealed class SuiteSchemaTests
{
    [Fact]
    public void Generate_EqualsCommittedFile()
    {
        string path = Repository.Suite("suite.schema.json");
        // QB_WRITE_SCHEMA=1 writes the file after a table was changed on purpose.
        if (Environment.GetEnvironmentVariable("QB_WRITE_SCHEMA") == "1") File.WriteAllText(path, SuiteSchema.Generate());

        Assert.Equal(SuiteSchema.Generate(), File.ReadAllText(path));
    }
}
