using System.Runtime.InteropServices;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>GGUF blocks in ONNX: the same numbers, read back from the written bytes.</summary>
[Collection(ExportCollection.Name)]
public sealed class LosslessPairTests(ExportFixture fixture)
{
    private const int Vocabulary = 4096;

    [Theory]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q5_0-a0")]
    [InlineData("Q5_1-a0")]
    [InlineData("Q8_0-a0")]
    [InlineData("Q4_K_M")]
    [InlineData("Q5_K_M-a0")]
    [InlineData("Q6_K-a0")]
    public void Weights_AreTheSameNumbers(string scheme)
    {
        using OnnxModel model = OnnxModel.Open(fixture.Artifact($"onnx:gguf-{scheme}"));
        using GgufReader gguf = GgufReader.Open(fixture.Artifact($"gguf:{scheme.Replace("-a0", "", StringComparison.Ordinal)}"));
        StoredProduct[] products = [.. StoredProduct.Find(model)];
        int compared = 0;
        foreach (StoredProduct product in products)
        {
            int first = 0;
            foreach ((string tensor, int heads) in Tensors(product.Name))
            {
                float[] expected = Dequantize(gguf, gguf.Find(tensor)!); // the reference model's tensors are there
                double[] row = new double[product.Columns];
                int rows = expected.Length / product.Columns;
                for (int r = 0; r < rows; r++)
                {
                    product.Row(model, first + r, row);
                    int stored = heads == 0 ? r : Neighbours(r, rows / heads);
                    for (int k = 0; k < row.Length; k++)
                    {
                        Assert.True((float)row[k] == expected[(stored * row.Length) + k],
                            $"{tensor} [{r}, {k}]: {row[k]:R} instead of {expected[(stored * row.Length) + k]:R}");
                    }

                    compared += row.Length;
                }

                first += rows;
            }

            Assert.Equal(product.Rows, first);
        }

        Assert.Equal(gguf.Tensors.Where(t => t.Dimensions.Length == 2).Sum(t => t.ElementCount), compared);
    }

    [Theory]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q8_0-a0")]
    [InlineData("Q4_K_M")]
    public void Logits_EqualThoseOfTheSameWeightsInFloats(string scheme)
    {
        // The GGUF file's weights widened to floats and run by the managed engine: no quantized activations on either side.
        string quantized = fixture.Artifact($"gguf:{scheme.Replace("-a0", "", StringComparison.Ordinal)}");
        string floats = fixture.ScratchFile($"{scheme}-floats.gguf");
        using (GgufReader gguf = GgufReader.Open(quantized))
        {
            using var writer = new GgufWriter(File.Create(floats), gguf.Metadata,
                [.. gguf.Tensors.Select(t => new GgufTensorSpec(t.Name, GgmlType.F32, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in gguf.Tensors) writer.Append(MemoryMarshal.AsBytes<float>(Dequantize(gguf, tensor)));
            writer.Complete();
        }

        ReadOnlySpan<int> tokens = fixture.Tokens.AsSpan(300, 128);
        using var decoder = new OrtDecoder(fixture.Artifact($"onnx:gguf-{scheme}"));

        Assert.InRange(Rows.MaxRelative(ManagedLogits.Of(floats, tokens), decoder.Append(tokens), Vocabulary), 0, 1e-4);
    }

    private static float[] Dequantize(GgufReader gguf, GgufTensorInfo tensor)
    {
        float[] values = new float[tensor.ElementCount];
        GgmlTypes.Codec(tensor.Type).DequantizeScalar(gguf.Span(tensor), values);
        return values;
    }

    /// <summary>llama.cpp keeps the halves of a head's rows interleaved: row (half, pair) lies at 2·pair + half.</summary>
    private static int Neighbours(int row, int headSize) =>
        (row / headSize * headSize) + (2 * (row % headSize % (headSize / 2))) + (row % headSize / (headSize / 2));

    private static (string Tensor, int Heads)[] Tensors(string node)
    {
        if (node.StartsWith("/lm_head", StringComparison.Ordinal)) return [("token_embd.weight", 0)];
        string[] parts = node.Split('/');
        string prefix = $"blk.{parts[2].Split('.')[1]}.";
        return parts[4] switch
        {
            "qkv_proj" => [($"{prefix}attn_q.weight", 4), ($"{prefix}attn_k.weight", 2), ($"{prefix}attn_v.weight", 0)],
            "q_proj" => [($"{prefix}attn_q.weight", 4)],
            "k_proj" => [($"{prefix}attn_k.weight", 2)],
            "v_proj" => [($"{prefix}attn_v.weight", 0)],
            "o_proj" => [($"{prefix}attn_output.weight", 0)],
            "gate_proj" => [($"{prefix}ffn_gate.weight", 0)],
            "up_proj" => [($"{prefix}ffn_up.weight", 0)],
            _ => [($"{prefix}ffn_down.weight", 0)],
        };
    }
}
