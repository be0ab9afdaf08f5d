using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Artifacts;
using QuantBench.Inference.Artifacts;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests.Artifacts;

[Collection(LlamaCollection.Name)]
public sealed class LlamaImatrixBuilderTests(LlamaFixture fixture)
{
    private readonly BuilderFixture _builders = new(fixture);

    [NpmFact(NpmPackage.Texts)]
    public void Build_GivesLlamaImatrixsSums()
    {
        ImportanceMatrix matrix = ImportanceMatrixFile.Read(fixture.Library, _builders.ImatrixPath());

        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "imatrix.json")));
        Assert.Equal(golden.RootElement.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal), matrix.Entries.Keys);
        foreach (JsonProperty tensor in golden.RootElement.EnumerateObject())
        {
            ImportanceEntry entry = matrix.Entries[tensor.Name];
            Assert.Equal([(long)tensor.Value.GetProperty("count").GetDouble()], entry.Counts);
            Near(tensor, "sum", entry.Sums.Sum(v => (double)v));
            Near(tensor, "first", entry.Sums[0]);
            Near(tensor, "max", entry.Sums.Max());
        }

        static void Near(JsonProperty tensor, string figure, double value)
        {
            double expected = tensor.Value.GetProperty(figure).GetDouble();
            Assert.True(Math.Abs(value - expected) <= 1e-4 * expected, $"{tensor.Name} {figure}: {value} instead of {expected}");
        }
    }

    [Fact]
    public void Build_RecordsTextAndChunks()
    {
        ImportanceMatrix matrix = ImportanceMatrixFile.Read(fixture.Library, _builders.ImatrixPath());

        Assert.Equal(8, matrix.Chunks);
        Assert.Equal(128, matrix.ChunkTokens);
        Assert.Equal("sha256:" + new string('a', 64), matrix.Dataset);
    }

    [Fact]
    public void Write_GivesBackWhatWasRead_ExpertsIncluded()
    {
        var entries = new SortedDictionary<string, ImportanceEntry>(StringComparer.Ordinal)
        {
            ["blk.0.ffn_up_exps.weight"] = new([1, 2, 3, 4, 5, 6], [7, 0]),
            ["blk.0.attn_q.weight"] = new([0.5f, 0.25f], [512]),
        };
        string path = fixture.ScratchFile("small-imatrix.gguf");

        ImportanceMatrixFile.Write(fixture.Library, path, new ImportanceMatrix(entries, "sha256:x", 3, 170));

        ImportanceMatrix read = ImportanceMatrixFile.Read(fixture.Library, path);
        Assert.Equal(entries.Keys, read.Entries.Keys);
        Assert.Equal([1, 2, 3, 4, 5, 6], read.Entries["blk.0.ffn_up_exps.weight"].Sums);
        Assert.Equal([7L, 0L], read.Entries["blk.0.ffn_up_exps.weight"].Counts);
        Assert.Equal(("sha256:x", 3, 170), (read.Dataset, read.Chunks, read.ChunkTokens));
        float[] mean = new float[6];
        read.Entries["blk.0.ffn_up_exps.weight"].Mean(mean);
        Assert.Equal([1f / 7, 2f / 7, 3f / 7, 1, 1, 1], mean); // an expert that never ran weighs all columns alike
    }

    [Fact]
    public void Build_Throws_WhenTheTextIsShorterThanAChunk()
    {
        BuildRequest request = _builders.Request("imatrix", fixture.ScratchFile("none.gguf"));
        request = request with { Calibration = request.Calibration! with { ContextLength = 100_000 } }; // given by Request

        RequestException e =
            Assert.Throws<RequestException>(() => _builders.Imatrix.Build(request, new BuilderFixture.Progress(), CancellationToken.None));

        Assert.Contains("fewer than one chunk", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_Stops_WhenCancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() =>
            _builders.Imatrix.Build(_builders.Request("imatrix", fixture.ScratchFile("none.gguf")), new BuilderFixture.Progress(),
                source.Token));
    }

    [Fact]
    public void Recipe_NamesTheTextAndTheModel()
    {
        ArtifactRecipe recipe = _builders.Imatrix.Recipe(_builders.HuggingFace, "imatrix", _builders.Calibration());

        Assert.Equal<string>(["gguf:F32"], recipe.Inputs);
        Assert.Equal("8", recipe.Parameters["chunks"]);
        Assert.Equal(new string('a', 64), recipe.Parameters["text_sha256"]);
        Assert.Throws<RequestException>(() => _builders.Imatrix.Recipe(_builders.HuggingFace, "imatrix", null));
        Assert.False(_builders.Imatrix.CanBuild(_builders.HuggingFace, "gguf:Q8_0").IsSupported);
    }
}
