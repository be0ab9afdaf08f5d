#!/bin/sh
# llama.cpp (as LLamaSharp.Backend.Cpu 0.30.0 ships it; v0.5.0 has the same code) loads the factor beside an NVFP4 matrix (`.scale`, what
# ModelOpt calls the second scale) for every architecture, but multiplies by it only in some: in qwen2's feed-forward part, and in gemma's,
# phi3's, starcoder2's, nemotron's, exaone's and olmo2's, it is left out. No error, no warning: the file loads, and its logits are those of
# other weights. Here the same random model as llama and as qwen2, with and without a factor of 0.25 beside ffn_down: it changes the
# logits of the first and not one bit of the second's.
# Source: https://www.nuget.org/packages/LLamaSharp.Backend.Cpu/0.30.0. Needs linux-x64 and the .NET 10 SDK. Fails when the behaviour
# changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >finding.cs <<'CS'
#:package LLamaSharp@0.30.0
#:package LLamaSharp.Backend.Cpu@0.30.0
#:property PublishAot=false
using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

const int width = 64, vocabulary = 300, nvfp4 = 40, f32 = 0;
NativeLogConfig.llama_log_set((_, _) => { });
foreach (string architecture in (string[])["llama", "qwen2"])
{
    float[] plain = Logits(architecture, null), scaled = Logits(architecture, 0.25f);
    bool differ = plain.Zip(scaled).Any(pair => pair.First != pair.Second);
    Console.WriteLine($"{architecture}: the factor {(differ ? "changes the logits" : "has no effect")}");
}

float[] Logits(string architecture, float? factor)
{
    string path = $"{architecture}-{factor}.gguf";
    Write(path, architecture, factor);
    var parameters = new ModelParams(path) { ContextSize = 32, GpuLayerCount = 0, Threads = 1 };
    using LLamaWeights weights = LLamaWeights.LoadFromFile(parameters);
    using LLamaContext context = weights.CreateContext(parameters);
    var batch = new LLamaBatch();
    for (int i = 0; i < 8; i++) { batch.Add(10 + i, i, LLamaSeqId.Zero, i == 7); }
    context.NativeHandle.Decode(batch);
    return context.NativeHandle.GetLogitsIth(7).ToArray();
}

void Write(string path, string architecture, float? factor)
{
    var random = new Random(1);
    byte[] Floats(int count, double scale, double mean = 0) =>
        [.. Enumerable.Range(0, count).SelectMany(_ => BitConverter.GetBytes((float)(mean + (scale * ((2 * random.NextDouble()) - 1)))))];
    // Blocks of 64: four scales (here 1), then two codes a byte.
    byte[] Blocks(int count)
    {
        byte[] bytes = new byte[count / 64 * 36];
        random.NextBytes(bytes);
        for (int block = 0; block < bytes.Length; block += 36) { bytes.AsSpan(block, 4).Fill(0x38); }
        return bytes;
    }

    var tensors = new List<(string Name, int Type, long[] Shape, byte[] Data)>
    {
        ("token_embd.weight", f32, [width, vocabulary], Floats(width * vocabulary, 1)),
        ("output_norm.weight", f32, [width], Floats(width, 0, 1)),
        ("blk.0.attn_norm.weight", f32, [width], Floats(width, 0, 1)),
        ("blk.0.ffn_norm.weight", f32, [width], Floats(width, 0, 1)),
    };
    foreach (string part in (string[])["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"])
    {
        tensors.Add(($"blk.0.{part}.weight", f32, [width, width], Floats(width * width, 0.2)));
        if (architecture == "qwen2" && part is "attn_q" or "attn_k" or "attn_v") { tensors.Add(($"blk.0.{part}.bias", f32, [width], new byte[4 * width])); }
    }

    tensors.Add(("blk.0.ffn_down.weight", nvfp4, [width, width], Blocks(width * width)));
    if (factor is { } value) { tensors.Add(("blk.0.ffn_down.scale", f32, [1], BitConverter.GetBytes(value))); }

    string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), .. Enumerable.Range(0, vocabulary - 259).Select(i => $"t{i}")];
    (string Key, object Value)[] keys =
    [
        ("general.architecture", architecture), ($"{architecture}.context_length", 64u), ($"{architecture}.embedding_length", (uint)width),
        ($"{architecture}.block_count", 1u), ($"{architecture}.feed_forward_length", (uint)width), ($"{architecture}.attention.head_count", 2u),
        ($"{architecture}.attention.layer_norm_rms_epsilon", 1e-5f), ("tokenizer.ggml.model", "llama"), ("tokenizer.ggml.tokens", tokens),
        ("tokenizer.ggml.scores", new float[vocabulary]), ("tokenizer.ggml.token_type", tokens.Select((_, i) => i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1).ToArray()),
    ];
    using var w = new BinaryWriter(File.Create(path));
    void Text(string text) { byte[] utf8 = Encoding.UTF8.GetBytes(text); w.Write((ulong)utf8.Length); w.Write(utf8); }
    w.Write("GGUF"u8); w.Write(3u); w.Write((ulong)tensors.Count); w.Write((ulong)keys.Length);
    foreach ((string key, object v) in keys)
    {
        Text(key);
        switch (v)
        {
            case string s: w.Write(8u); Text(s); break;
            case uint u: w.Write(4u); w.Write(u); break;
            case float f: w.Write(6u); w.Write(f); break;
            case string[] list: w.Write(9u); w.Write(8u); w.Write((ulong)list.Length); foreach (string s in list) { Text(s); } break;
            case float[] list: w.Write(9u); w.Write(6u); w.Write((ulong)list.Length); foreach (float f in list) { w.Write(f); } break;
            case int[] list: w.Write(9u); w.Write(5u); w.Write((ulong)list.Length); foreach (int i in list) { w.Write(i); } break;
        }
    }

    long offset = 0;
    foreach ((string name, int type, long[] shape, byte[] data) in tensors)
    {
        Text(name); w.Write((uint)shape.Length); foreach (long n in shape) { w.Write(n); } w.Write(type); w.Write(offset);
        offset += (data.Length + 31) / 32 * 32;
    }

    void Pad() { while (w.BaseStream.Position % 32 != 0) { w.Write((byte)0); } }
    foreach (var tensor in tensors) { Pad(); w.Write(tensor.Data); }
    Pad();
}
CS
seen=$(dotnet run finding.cs)
expected='llama: the factor changes the logits
qwen2: the factor has no effect'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
