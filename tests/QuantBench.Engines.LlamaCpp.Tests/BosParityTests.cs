using System.Text.Json.Nodes;
using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Evaluators;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests;

/// <summary>Perplexity of the reference model under every flag of its tokenizer, against llama-perplexity's running figures (see
/// Golden/README.md).</summary>
[Collection(LlamaCollection.Name)]
public sealed class BosParityTests(LlamaFixture fixture)
{
    private const string Llama3Regex =
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
            + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /// <summary>Model, text, and the running mean of the NLL after each of four chunks.</summary>
    public static TheoryData<string, string, double[]> Goldens => new()
    {
        { "plain", "prefix", [3.759825, 3.559136, 3.409630, 3.484079] },
        { "plain", "special", [3.714773, 3.569969, 3.429378, 3.614698] },
        { "bos", "prefix", [3.771317, 3.551971, 3.396781, 3.475740] },
        { "bos", "special", [3.734338, 3.576044, 3.433634, 3.618090] },
        { "bos-eos", "prefix", [3.771317, 3.551971, 3.396781, 3.475740] },
        { "bos-space", "prefix", [3.771317, 3.551971, 3.396781, 3.475740] },
        { "llama-bpe", "prefix", [3.752850, 3.577251, 3.437118, 3.509640] },
    };

    [NpmTheory(NpmPackage.Texts)]
    [MemberData(nameof(Goldens))]
    public void Perplexity_IsLlamaPerplexitys_UnderEveryFlagOfTheTokenizer(string model, string text, double[] running)
    {
        string path = fixture.ScratchFile($"flags-{model}.gguf");
        if (!File.Exists(path)) HuggingFaceToGguf.Convert(DirectoryOf(model), path, GgmlType.F32, new Progress<double>(), default);
        ITextTokenizer tokenizer = ModelSource.OpenTokenizer(ModelSource.Open(path));
        string prefix = ReferenceText.Sotu()[..20_000];
        int[] tokens = tokenizer.Encode(text == "prefix" ? prefix : $"<|endoftext|>{prefix[..9000]}<|endoftext|>{prefix[9000..]}");
        EvaluationResult result = new PerplexityEvaluator().Evaluate(ContextOf(path, new EvaluationText
        {
            Dataset = text,
            Tokens = tokens,
            TokenBytes = tokens.Select(t => (ushort)tokenizer.ByteLength(t)).ToArray(),
            TextSha256 = new string('1', 64),
            TokenizerSha256 = tokenizer.Sha256,
            BosToken = tokenizer.BosToken,
        }), CancellationToken.None);

        double[] chunks = result.Metrics.Single(m => m.Name == "perplexity").Samples!;
        double[] ours = [.. chunks.Select((_, i) => chunks.Take(i + 1).Average(Math.Log))];
        for (int i = 0; i < running.Length; i++) Assert.Equal(running[i], ours[i], 2e-5 * running[i]);
    }

    private EvaluationContext ContextOf(string path, EvaluationText text) => new()
    {
        Cell = new Cell("reference", Variant.Parse("gguf:F32"), new BackendId("llamacpp", "cpu"), "perplexity",
            CellSettings.Empty.With("threads", 2L).With("chunks", 4L)),
        Artifact = LlamaFixture.Artifact(path, "gguf:F32"),
        Engine = fixture.Engine,
        Text = text,
        Clock = TimeProvider.System,
        Machine = new MachineProbe(TimeProvider.System),
        Progress = new Progress<EvaluationProgress>(),
    };

    private string DirectoryOf(string model)
    {
        string source = RepositoryRoot.Combine("datasets", "reference-model");
        string directory = Directory.CreateDirectory(fixture.ScratchFile($"flags-{model}")).FullName;
        foreach (string file in Directory.GetFiles(source)) File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
        string config = Path.Combine(directory, "tokenizer_config.json");
        JsonNode flags = JsonNode.Parse(File.ReadAllText(config))!; // a file that isn't empty
        if (model == "llama-bpe") flags.AsObject().Remove("add_bos_token"); // true by the pre-tokenizer's default
        else if (model != "plain") flags["add_bos_token"] = true;
        if (model == "bos-eos") flags["add_eos_token"] = true;
        if (model == "bos-space") flags["add_prefix_space"] = true;
        File.WriteAllText(config, flags.ToJsonString());
        if (model != "llama-bpe") return directory;
        string path = Path.Combine(directory, "tokenizer.json");
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(path))!; // a file that isn't empty
        tokenizer["pre_tokenizer"] = JsonNode.Parse("""
            {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": false},
             {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}
            """);
        tokenizer["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = Llama3Regex; // written above
        tokenizer["model"]!["ignore_merges"] = true; // what tells it from GPT-4's, which adds no BOS
        File.WriteAllText(path, tokenizer.ToJsonString());
        return directory;
    }
}
