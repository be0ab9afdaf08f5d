using QuantBench.Core.Suites;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Commands;

public sealed class SuiteSchemaTests
{
    [Fact]
    public void Generate_EqualsCommittedFile()
    {
        string path = RepositoryRoot.Combine("suites", "suite.schema.json");
        string schema = SuiteSchema.Generate(Composition.Engines.All.Catalog);
        // QB_WRITE_SCHEMA=1 writes the file after a table was changed on purpose.
        if (Environment.GetEnvironmentVariable("QB_WRITE_SCHEMA") == "1") File.WriteAllText(path, schema);

        Assert.Equal(schema, File.ReadAllText(path));
    }
}
