using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Cells;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>
/// What can't be measured, through the real command: a missing ability is <c>unsupported</c> with its reason, and ends the run with 0; a
/// broken file is <c>failed</c>, and ends it with 2. The other models of the suite go on.
/// </summary>
public sealed class RefusalTests : IDisposable
{
    private static readonly string[] s_both = ["managed/scalar", "llamacpp/cpu"];

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_RecordsUnsupported_WhenATextCantBeTokenizedOrAModelIsNotRead()
    {
        string lora = _folder.Write("lora.gguf", new TinyGguf().Text("general.type", "adapter").ToArray());

        IReadOnlyList<CellResult> cells = await RunAsync(0, Text(), s_both, "gguf:F32",
            ("tokenizer", Gguf("tokenizer", "tokenizer.ggml.model", "nonesuch")), ("pre", Gguf("pre", "tokenizer.ggml.pre", "my-new-pre")),
            ("arch", Model("arch", """{"architectures":["MambaForCausalLM"]}""")),
            ("experts", Model("experts", """{"num_local_experts":8}""")), ("lora", lora), ("good", Model("good")));

        foreach (string backend in s_both)
        {
            Unsupported(cells, "tokenizer", backend, "the tokenizer model 'nonesuch' is not read");
            Unsupported(cells, "pre", backend, "the pre-tokenizer 'my-new-pre' is not read", "by llamacpp's vocabulary",
                "unknown pre-tokenizer type: 'my-new-pre'", "These are", "speed can be measured");
            Unsupported(cells, "arch", backend, "the architecture 'MambaForCausalLM' is not read", "convert_hf_to_gguf.py");
            Unsupported(cells, "experts", backend, "models with experts");
            Unsupported(cells, "lora", backend, "this is a LoRA adapter");
            Ok(cells, "good", backend);
        }
    }

    [Fact]
    public async Task Run_TokenizesByLlamaCpp_WhenOnlyThatReadsTheVocabulary()
    {
        IReadOnlyList<CellResult> cells = await RunAsync(0, Text(), s_both, "gguf:F32",
            ("kimi", Gguf("kimi", "tokenizer.ggml.pre", "kimi-k2")), ("plain", Gguf("renamed", "general.name", "plain")));

        foreach (string backend in s_both) Ok(cells, "kimi", backend);
        CellResult[] ofKimi = [.. cells.Where(c => c.Cell.Model == "kimi")];
        Assert.Single(ofKimi.Select(c => c.Provenance["protocol"]).Distinct());
        Assert.NotEqual(ofKimi[0].Provenance["tokenizer_sha256"],
            cells.First(c => c.Cell.Model == "plain").Provenance["tokenizer_sha256"]);
        double[] perplexities = [.. ofKimi.Select(c => c.Metrics.Single(m => m.Name == "perplexity").Value)];
        Assert.Equal(perplexities[0], perplexities[1], perplexities[0] * 1e-4);
    }

    [Fact]
    public async Task Run_MeasuresSentencePieceDirectories_AlikeOnEveryEngine()
    {
        string json = Model("json"), model = Model("model");
        File.WriteAllText(Path.Combine(json, "tokenizer.json"), TinySentencePiece.Json().ToJsonString());
        File.Delete(Path.Combine(model, "tokenizer.json"));
        File.WriteAllBytes(Path.Combine(model, "tokenizer.model"), TinySentencePiece.Model());
        foreach (string directory in (string[])[json, model])
            File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"), """{"bos_token":"<s>","unk_token":"<unk>"}""");

        IReadOnlyList<CellResult> cells = await RunAsync(0, Text(), s_both, "gguf:F32", ("json", json), ("model", model));

        foreach (string backend in s_both)
        {
            Ok(cells, "json", backend);
            Ok(cells, "model", backend);
        }

        double[] perplexities = [.. cells.Select(c => c.Metrics.Single(m => m.Name == "perplexity").Value)];
        Assert.All(perplexities, p => Assert.Equal(perplexities[0], p, perplexities[0] * 1e-4));
        Assert.StartsWith("ppl-v2;n_ctx=64;chunks=1;bos=1;", Assert.Single(cells.Select(c => c.Provenance["protocol"]).Distinct()),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_RecordsUnsupported_WhenTheEngineHasNoCodeForIt()
    {
        IReadOnlyList<CellResult> cells = await RunAsync(0, "load: { repetitions: 1 }", s_both, "gguf:F32",
            ("arch", Gguf("arch", "general.architecture", "nonesuch")), ("pre", Gguf("pre", "tokenizer.ggml.pre", "my-new-pre")));
        // A file that lies about its experts would abort native code.
        IReadOnlyList<CellResult> experts = await RunAsync(2, "load: { repetitions: 1 }", ["managed/scalar"], "gguf:F32",
            ("experts", Gguf("experts", "llama.expert_count", 4u, ("llama.expert_used_count", 2u))),
            ("groups", Gguf("groups", "llama.expert_count", 4u, ("llama.expert_used_count", 2u), ("llama.expert_group_count", 2u))));

        Unsupported(cells, "arch", "managed/scalar", "architecture 'nonesuch' is not implemented");
        Unsupported(cells, "arch", "llamacpp/cpu", "unknown model architecture: 'nonesuch'");
        Failed(experts, "experts", "'blk.0.ffn_gate_inp.weight' is missing");
        Unsupported(experts, "groups", "managed/scalar", "'llama.expert_group_count' of 2 is not implemented");
        Ok(cells, "pre", "managed/scalar"); // no text is needed
        Unsupported(cells, "pre", "llamacpp/cpu", "unknown pre-tokenizer type");
    }

    [Fact]
    public async Task Run_RecordsUnsupported_WhenTheCacheTypeDoesntFitTheHeads()
    {
        IReadOnlyList<CellResult> cells = await RunAsync(
            4, "load: { repetitions: 1, kv_type: q8_0 }", s_both, "gguf:F32", ("m", Model("m")));

        Unsupported(cells, "m", "managed/scalar", "heads of width 16 don't fit", "Set kv_type to f16");
        Unsupported(cells, "m", "llamacpp/cpu", "don't divide this model's head size 16", "Set kv_type to f16");
    }

    [Fact]
    public async Task Run_RecordsFailed_WhenAFileIsBroken()
    {
        byte[] whole = await File.ReadAllBytesAsync(Gguf("whole", "general.name", "m"));
        string cut = _folder.Write("cut.gguf", whole[..(whole.Length / 2)]);
        string part = _folder.Write("part-00001-of-00002.gguf", new TinyGguf()
            .Entry("split.no", 2, BitConverter.GetBytes((ushort)0)).Entry("split.count", 2, BitConverter.GetBytes((ushort)2)).ToArray());
        string noTokenizer = Model("no-tokenizer");
        File.Delete(Path.Combine(noTokenizer, "tokenizer.json"));
        string cutWeights = Model("cut-weights");
        using (FileStream weights = File.OpenWrite(Path.Combine(cutWeights, "model.safetensors"))) weights.SetLength(weights.Length / 2);

        IReadOnlyList<CellResult> cells = await RunAsync(2, Text(), ["managed/scalar"], "gguf:F32",
            ("cut", cut), ("part", part), ("pointer", _folder.Write("pointer.gguf", LfsPointer())), ("no-tokenizer", noTokenizer),
            ("config", Model("config", """{"num_key_value_heads":3}""")), ("cut-weights", cutWeights), ("good", Model("good")));

        Failed(cells, "cut", "cut.gguf", "but the file has");
        Failed(cells, "part", "part-00002-of-00002.gguf' is missing", "Fetch it");
        Failed(cells, "pointer", "Git LFS pointer", "git lfs pull");
        Failed(cells, "no-tokenizer", "there is no tokenizer.json");
        Failed(cells, "config", "'num_key_value_heads' (3)");
        Failed(cells, "cut-weights", "model.safetensors");
        Ok(cells, "good", "managed/scalar");
    }

    [Fact]
    public async Task Run_TellsMissingAbilitiesFromBrokenFiles_WhenModelsAreOnnx()
    {
        string made = await PrepareAsync(Model("onnx"), "onnx:fp32");
        string missing = Copy(made, "missing"), cut = Copy(made, "cut"), pointer = Copy(made, "pointer");
        string operators = Copy(made, "operators"), broken = Copy(made, "broken");
        File.Delete(Path.Combine(missing, "model.onnx.data"));
        using (FileStream data = File.OpenWrite(Path.Combine(cut, "model.onnx.data"))) data.SetLength(data.Length / 2);
        File.WriteAllBytes(Path.Combine(pointer, "model.onnx.data"), LfsPointer());
        Replace(Path.Combine(operators, "model.onnx"), "com.microsoft", "com.microsofd");
        File.WriteAllText(Path.Combine(broken, "model.onnx"), "no protobuf");

        IReadOnlyList<CellResult> cells = await RunAsync(2, "load: { repetitions: 1 }", ["onnxruntime/cpu"], "onnx:given-fp32",
            ("missing", missing), ("missing-file", Path.Combine(missing, "model.onnx")), ("cut", cut), ("pointer", pointer),
            ("operators", operators), ("broken", broken), ("good", made));
        IReadOnlyList<CellResult> asGguf =
            await RunAsync(4, "load: { repetitions: 1 }", ["managed/scalar"], "gguf:F32", ("good", made));
        IReadOnlyList<CellResult> notExported = await RunAsync(4, "load: { repetitions: 1 }", ["onnxruntime/cpu"], "onnx:fp32",
            ("other", Model("other", """{"architectures":["MambaForCausalLM"]}""")));
        IReadOnlyList<CellResult> brokenExport = await RunAsync(2, "load: { repetitions: 1 }", ["onnxruntime/cpu"], "onnx:fp32",
            ("config", Model("config", """{"num_key_value_heads":3}""")));

        Failed(cells, "missing", "model.onnx.data", "copy the model's data file");
        Failed(cells, "missing-file", "model.onnx.data", "copy the model's data file");
        Failed(cells, "cut", "model.onnx.data", "truncated");
        Failed(cells, "pointer", "Git LFS pointer");
        Failed(cells, "broken", "this is not an ONNX model");
        Unsupported(cells, "operators", "onnxruntime/cpu",
            "the operator set 'com.microsofd', which is not known", "library of custom operators");
        Ok(cells, "good", "onnxruntime/cpu");
        Unsupported(asGguf, "good", "managed/scalar", "is an ONNX model already");
        Unsupported(notExported, "other", "onnxruntime/cpu", "the architecture 'MambaForCausalLM' is not read");
        Failed(brokenExport, "config", "'num_key_value_heads' (3)");
    }

    private static void Ok(IReadOnlyList<CellResult> cells, string model, string backend) => Check(cells, model, backend, CellStatus.Ok);

    private static void Unsupported(IReadOnlyList<CellResult> cells, string model, string backend, params string[] pieces) =>
        Check(cells, model, backend, CellStatus.Unsupported, pieces);

    private static void Failed(IReadOnlyList<CellResult> cells, string model, params string[] pieces) =>
        Check(cells, model, null, CellStatus.Failed, pieces);

    private static void Check(IReadOnlyList<CellResult> cells, string model, string? backend, CellStatus status, params string[] pieces)
    {
        CellResult cell = Assert.Single(cells, c => c.Cell.Model == model && (backend is null || c.Cell.Backend.ToString() == backend));
        Assert.True(status == cell.Status, $"{cell.Cell.Title}: {cell.Status}: {cell.Reason}");
        foreach (string piece in pieces) Assert.Contains(piece, cell.Reason, StringComparison.OrdinalIgnoreCase);
    }

    private static byte[] LfsPointer() =>
        Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 4703232\n");

    // Of the same length, so that the file stays a whole message.
    private static void Replace(string path, string from, string to)
    {
        string text = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
    }

    private string Text()
    {
        string path = _folder.Combine("text.txt");
        File.WriteAllText(path,
            string.Join(' ',
                Enumerable.Range(0, 200).Select(i => i.ToString(CultureInfo.InvariantCulture) + " is the number of the thing")));
        return $"perplexity: {{ dataset: {path}, n_ctx: 64, chunks: 1 }}";
    }

    private string Model(string name, string change = "{}") => TinyModel.Write(_folder.Combine(name), change: config =>
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(change)!.AsObject()) config[key] = value?.DeepClone();
    });

    /// <summary>The tiny model as a GGUF file with one entry changed.</summary>
    private string Gguf(string name, string key, object value, params (string Key, object Value)[] others)
    {
        string plain = _folder.Combine("plain.gguf"), changed = _folder.Combine($"{name}.gguf");
        HuggingFaceToGguf.Convert(Model("plain"), plain, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        using GgufReader reader = GgufReader.Open(plain);
        var metadata = new GgufMetadata(changed);
        foreach ((string entry, object old) in reader.Metadata.Where(e => e.Key != key)) metadata.Add(entry, old);
        metadata.Add(key, value);
        foreach ((string other, object its) in others) metadata.Add(other, its);
        using var writer = new GgufWriter(File.Create(changed), metadata,
            [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
        foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
        writer.Complete();
        return changed;
    }

    private string Copy(string directory, string name)
    {
        string copy = Directory.CreateDirectory(_folder.Combine(name)).FullName;
        foreach (string file in Directory.GetFiles(directory)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    private async Task<string> PrepareAsync(string model, string variant)
    {
        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            "models", "prepare", model, "--variant", variant, "--cache", _folder.Combine("cache"), "--json");
        Assert.True(code == 0, error + output);
        return JsonNode.Parse(output.Split('\n')[0])!["path"]!.GetValue<string>();
    }

    private async Task<IReadOnlyList<CellResult>> RunAsync(int code, string workload, string[] backends, string variant,
        params (string Id, string Source)[] models)
    {
        string name = $"run{Directory.GetDirectories(_folder.Path, "run*").Length}";
        Directory.CreateDirectory(_folder.Combine(name));
        string suite = _folder.Combine($"{name}/suite.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: refusals
            models:
            {{string.Join('\n', models.Select(m => $"  - {{ id: {m.Id}, source: {m.Source} }}"))}}
            variants: ["{{variant}}"]
            backends: [{{string.Join(", ", backends)}}]
            settings: { threads: 1 }
            workloads: [{ {{workload}} }]
            """);
        (int ended, string output, string error) = await QuantBenchProcess.RunAsync(
            "run", suite, "--plain", "--results", _folder.Combine($"{name}/results"), "--cache", _folder.Combine("cache"));
        Assert.True(ended == code, error + output);
        string cells = Directory.GetFiles(_folder.Combine(name), "cells.jsonl", SearchOption.AllDirectories).Single();
        using RunFolder run = RunFolder.OpenReadOnly(Path.GetDirectoryName(cells)!); // a file has a directory
        return run.ReadCells();
    }
}
