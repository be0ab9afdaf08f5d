using System.Collections.Immutable;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

[CollectionDefinition(Name)]
public sealed class ExportCollection : ICollectionFixture<ExportFixture>
{
    public const string Name = "exports";
}

/// <summary>The reference model in the variants that tests ask for, each made once, through the builders.</summary>
public sealed class ExportFixture : IDisposable
{
    private const int CalibrationChunks = 2;
    private const int CalibrationTokens = 256;

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, string> _made = new(StringComparer.Ordinal);
    private readonly EngineEnvironment _environment = new() { Log = _ => { }, Root = RepositoryRoot.Directory };

    public ExportFixture()
    {
        Source = ModelSource.Open(RepositoryRoot.Combine("datasets", "reference-model"));
        ITextTokenizer tokenizer = ModelSource.OpenTokenizer(Source);
        Tokens = tokenizer.Encode(ReferenceText.Start(20_000));
    }

    public ModelSource Source { get; }

    /// <summary>Tokens of the beginning of the reference text.</summary>
    public int[] Tokens { get; }

    public List<double> Progress { get; } = [];

    /// <summary>Path of an artifact, made when it isn't there yet.</summary>
    public string Artifact(string name)
    {
        if (_made.TryGetValue(name, out string? path)) return path;
        path = _directory.Combine(name.Replace(':', '-') + (name.StartsWith("gguf:", StringComparison.Ordinal) ? ".gguf" : ""));
        if (name == "gguf:F32") HuggingFaceToGguf.Convert(Source.Path, path, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        else Build(name, path);
        _made[name] = path;
        return path;
    }

    public string ScratchFile(string name) => _directory.Combine(name);

    public CalibrationText Calibration()
    {
        string path = ScratchFile("calibration.tokens");
        if (!File.Exists(path))
            TokenFile.Write(path, new TokenFileHeader("text", "tokenizer", BosToken: null), Tokens, new ushort[Tokens.Length]);
        return new CalibrationText(path, new string('a', 64), CalibrationChunks, CalibrationTokens);
    }

    /// <summary>All builders that the reference model's variants need.</summary>
    public ImmutableArray<IArtifactBuilder> Builders() =>
        [.. ExportBuilders.Create(_environment), .. LlamaCppEngine.Registration.CreateBuilders(_environment)];

    public void Dispose() => _directory.Dispose();

    private void Build(string name, string path)
    {
        IArtifactBuilder builder = Builders().First(b => b.CanBuild(Source, name).IsSupported);
        ArtifactRecipe recipe = builder.Recipe(Source, name, Calibration());
        var inputs = recipe.Inputs.ToImmutableSortedDictionary(i => i, Artifact, StringComparer.Ordinal);
        builder.Build(new BuildRequest(Source, name, inputs, path, Calibration(), Threads: 2), new Recorder(Progress),
            CancellationToken.None);
    }

    private sealed class Recorder(List<double> values) : IProgress<double>
    {
        public void Report(double value) => values.Add(value);
    }
}
