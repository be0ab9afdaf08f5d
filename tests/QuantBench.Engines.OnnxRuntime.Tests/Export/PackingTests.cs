using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>
/// What ONNX Runtime computes from a stored matrix against what is computed here from the written bytes, by the layouts' definitions alone:
/// for each variant the last layer's products, with the activations that really enter them.
/// </summary>
[Collection(ExportCollection.Name)]
public sealed class PackingTests(ExportFixture fixture)
{
    private const int TokenCount = 6;

    public static TheoryData<string, double> Variants() => new()
    {
        // Float activations: nothing but the rounding of sums.
        { "fp32", 1e-6 },
        { "bf16", 1e-6 },
        { "int4-b32-a0", 1e-6 },
        { "gguf-Q4_0", 1e-6 },
        { "gguf-Q4_1", 1e-5 }, // a difference of two sums, each several times as large
        { "gguf-Q4_K_M", 1e-5 },
        { "gguf-Q5_1-a0", 1e-5 },
        { "gguf-Q8_0-a0", 1e-6 },
        { "gguf-Q6_K-a0", 1e-6 },

        // Activations of 16 or 8 bits: their rounding, which a misplaced weight would exceed many times over.
        { "fp16", 2e-3 },
        { "int4-b32", 2e-2 },
        { "int4-b32-asym", 2e-2 },
        { "int4-b32-down8", 2e-2 },
        { "int4-b128", 2e-2 },
        { "int4-b128-asym", 2e-2 },
        { "int8-b32", 2e-2 },
        { "int2-b32", 2e-2 },
        { "int8-dynamic", 5e-2 },
        { "int8-static", 0.1 },
        { "gguf-Q4_0-a4", 2e-2 },
        { "gguf-Q4_1-a4", 6e-2 },
        { "gguf-Q5_0", 2e-2 },
        { "gguf-Q5_K_M", 4e-2 },
        { "gguf-Q6_K", 2e-2 },
        { "gguf-Q8_0", 2e-2 },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void Products_EqualThoseOfTheWrittenBytes(string variant, double bound)
    {
        string directory = fixture.Artifact($"onnx:{variant}");
        StoredProduct[] products;
        using (OnnxModel model = OnnxModel.Open(directory))
        {
            products = [
                .. StoredProduct.Find(model)
                    .Where(p =>
                        p.Name.Contains("layers.5", StringComparison.Ordinal) || p.Name.Contains("lm_head", StringComparison.Ordinal))];
        }

        // Queries, keys and values, which may be one product; output; three of the feed-forward part; the head.
        Assert.InRange(products.Length, 6, 8);
        using var decoder = new OrtDecoder(directory,
            [.. products.SelectMany(p => (string[])[p.Input, p.Output]).Where(n => n != "logits").Distinct(StringComparer.Ordinal)]);
        float[] logits = decoder.Append(fixture.Tokens.AsSpan(0, TokenCount));

        foreach (StoredProduct product in products)
        {
            float[] input = decoder.Watched[product.Input];
            float[] output = product.Output == "logits" ? logits : decoder.Watched[product.Output];
            int rows = Math.Min(product.Rows, 512); // the head's first rows are enough
            double[] expected = new double[TokenCount * rows];
            float[] actual = new float[expected.Length];
            double[] weights = new double[product.Columns];
            for (int n = 0; n < rows; n++)
            {
                product.Row(decoder.Model, n, weights);
                for (int t = 0; t < TokenCount; t++)
                {
                    double sum = 0;
                    for (int k = 0; k < weights.Length; k++) sum += weights[k] * input[(t * product.Columns) + k];
                    expected[(t * rows) + n] = sum;
                    actual[(t * rows) + n] = output[(t * product.Rows) + n];
                }
            }

            double error = Rows.RootMeanSquare(expected, actual);
            double allowed = product.QuantizesInput ? Math.Max(bound, 2e-2) : bound;
            Assert.True(error <= allowed, $"{product.Name}: {error:E2}");
        }
    }
}
