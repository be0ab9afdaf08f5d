using System.Collections.Immutable;
using QuantBench.Engines.LlamaCpp.Artifacts;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.LlamaCpp.Tests.Artifacts;

/// <summary>Builders on the reference model.</summary>
internal sealed class BuilderFixture(LlamaFixture fixture)
{
    private const int Chunks = 8;
    private const int ChunkTokens = 128;

    public ModelSource HuggingFace { get; } = new(SourceKind.HuggingFace, "/models/reference", [], new string('0', 64));

    public LlamaQuantizeBuilder Quantize { get; } = new(fixture.Environment);

    public LlamaImatrixBuilder Imatrix { get; } = new(fixture.Environment);

    public static ModelSource Gguf(string path) => new(SourceKind.Gguf, path, [path], new string('0', 64));

    public CalibrationText Calibration()
    {
        string path = fixture.ScratchFile("calibration.tokens");
        TokenFile.Write(path, new TokenFileHeader("text", "tokenizer", BosToken: null), fixture.Tokens, new ushort[fixture.Tokens.Length]);
        return new CalibrationText(path, new string('a', 64), Chunks, ChunkTokens);
    }

    /// <summary>The importance matrix, computed once for all tests.</summary>
    public string ImatrixPath()
    {
        string path = fixture.ScratchFile("imatrix.gguf");
        if (!File.Exists(path)) Imatrix.Build(Request("imatrix", path), new Progress(), CancellationToken.None);
        return path;
    }

    public string Build(string artifact, string file, ModelSource? source = null)
    {
        string path = fixture.ScratchFile(file);
        Quantize.Build(Request(artifact, path, source), new Progress(), CancellationToken.None);
        return path;
    }

    public BuildRequest Request(string artifact, string output, ModelSource? source = null)
    {
        var inputs = ImmutableSortedDictionary<string, string>.Empty.Add("gguf:F32", fixture.F32.Path);
        if (artifact.EndsWith("+imatrix", StringComparison.Ordinal)) inputs = inputs.Add("imatrix", ImatrixPath());
        return new BuildRequest(source ?? HuggingFace, artifact, inputs, output, artifact == "imatrix" ? Calibration() : null, Threads: 2);
    }

    internal sealed class Progress : IProgress<double>
    {
        public List<double> Values { get; } = [];

        public void Report(double value) => Values.Add(value);
    }
}
