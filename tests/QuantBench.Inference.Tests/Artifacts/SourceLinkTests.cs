using QuantBench.Inference.Artifacts;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Artifacts;

public sealed class SourceLinkTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Link_HasTheContentAndSizeOfItsFile_AndFollowsNoOtherLink()
    {
        string file = _folder.Combine("model.gguf"), moving = _folder.Combine("current.gguf"), artifact = _folder.Combine("artifact.gguf");
        File.WriteAllText(file, "the weights");
        File.CreateSymbolicLink(moving, file);

        Assert.True(SourceLink.TryMake(moving, artifact));

        Assert.True(SourceLink.Is(artifact));
        Assert.Equal(file, new FileInfo(artifact).LinkTarget);
        Assert.Equal(11, ArtifactContent.SizeOf(artifact));
        Assert.Equal(ArtifactContent.Read(file, CancellationToken.None), ArtifactContent.Read(artifact, CancellationToken.None));
        File.Delete(moving);
        Assert.True(ArtifactContent.Exists(artifact));
        File.Delete(file);
        Assert.False(ArtifactContent.Exists(artifact));
    }

    [Fact]
    public void Link_IsNotMade_WhereSomethingLies()
    {
        string file = _folder.Combine("a"), there = _folder.Combine("b");
        File.WriteAllText(file, "a");
        File.WriteAllText(there, "b");

        Assert.False(SourceLink.TryMake(file, there)); // the caller copies
        Assert.Equal("b", File.ReadAllText(there));
    }
}
