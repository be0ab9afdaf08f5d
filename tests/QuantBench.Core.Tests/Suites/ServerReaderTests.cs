using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;

namespace QuantBench.Core.Tests.Suites;

public sealed class ServerReaderTests
{
    [Fact]
    public void Parse_ReadsAServer()
    {
        Suite suite = Parse("""
            - id: llama
              command: '"/opt/my llama/server" -m {model} --port {port}'
              health: /ready
              port: 0
              environment: { THREADS: "4", NAME: "{variant}" }
              ready_timeout: 90s
            """);

        SuiteServer server = Assert.Single(suite.Servers);
        Assert.Equal(["/opt/my llama/server", "-m", "{model}", "--port", "{port}"], server.Command.AsEnumerable());
        Assert.Equal(("llama", "/ready", 0, TimeSpan.FromSeconds(90)), (server.Id, server.Health, server.Port, server.ReadyTimeout));
        Assert.Equal("{variant}", server.Environment["NAME"]);
        Assert.True(server.ServesArtifact);
        Assert.Same(server, suite.ServerOf(suite.Backends[0]));
        Assert.True(suite.Backends[0].Server!.IsDeclared);
    }

    [Fact]
    public void Parse_TakesAList_AndNeedsNoPlaceholderForAFixedPort()
    {
        SuiteServer server = Assert.Single(Parse("- { id: llama, port: 11434, command: [ollama, serve] }").Servers);

        Assert.Equal(["ollama", "serve"], server.Command.AsEnumerable());
        Assert.False(server.ServesArtifact);
    }

    [Theory]
    [InlineData("- { id: llama }", "has no 'command'")]
    [InlineData("- { command: x }", "has no 'id'")]
    [InlineData("- { id: llama, command: x }", "names {port}")]
    [InlineData("- { id: llama, command: 'x \"y {port}' }", "a quote that isn't closed")]
    [InlineData("- { id: Llama, command: 'x {port}' }", "doesn't start with a lower-case letter")]
    [InlineData("- { id: llama, command: 'x {port}', port: 70000 }", "from 0 to 65535")]
    [InlineData("- { id: llama, command: 'x {port}', health: ready }", "'health' can't be 'ready'")]
    [InlineData("- { id: llama, command: 'x {port}', environment: { 'A B': c } }", "no name of a variable")]
    [InlineData("- { id: llama, command: 'x {port}', log: x }", "unknown key 'log'")]
    [InlineData("- { id: llama2, command: 'x {port}' }", "declares none of that id")]
    public void Parse_SaysWhatIsWrong(string servers, string problem) =>
        Assert.Contains(problem, Assert.Throws<SuiteException>(() => Parse(servers)).Message, StringComparison.Ordinal);

    private static Suite Parse(string servers) => SuiteLoader.Parse($$"""
        suite: s
        models: [ { id: m, source: served } ]
        variants: ["served:m"]
        servers:
        {{servers.ReplaceLineEndings("\n").Replace("\n", "\n  ").Insert(0, "  ")}}
        backends: ["far/openai@llama"]
        workloads: [ serve ]
        """, "/data/s.yaml", "/data", EngineCatalog.None);
}
