using QuantBench.Runner.Preparation;

namespace QuantBench.Runner.Tests.Runs;

public sealed class UsersPathTests
{
    [Theory]
    [InlineData("gguf-copy", "/c/models/k/artifact.gguf: broken", "/u/m.gguf: broken")]
    [InlineData("directory-copy", "/c/models/k/artifact.gguf/config.json: broken", "/u/m.gguf/config.json: broken")]
    [InlineData("hf-to-gguf", "/c/models/k/artifact.gguf: broken", "/u/m.gguf (as gguf:F32): broken")]
    [InlineData("hf-to-gguf", "llama.cpp said nothing", "llama.cpp said nothing")]
    public void In_NamesTheUsersFile(string builder, string text, string expected) =>
        Assert.Equal(expected, UsersPath.In(text, "/c/models/k/artifact.gguf", "/u/m.gguf", "gguf:F32", builder));
}
