using QuantBench.Formats.Gguf;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// The reference: plain loops a reader can check against the papers. Weights are decoded to floats and inputs are never rounded, so its
/// figures are closer to those of the F32 model than the integer paths' are.
/// </summary>
internal sealed unsafe class ScalarKernels : KernelSet
{
    /// <summary>Blocks whose largest input is no more than this become zeros: the reciprocal of their scale would overflow.</summary>
    public const float SmallestScaled = 1e-35f;

    /// <inheritdoc />
    public override string Name => "scalar";

    /// <inheritdoc />
    public override bool UsesQuantizedInputs(GgmlType type) => false;

    /// <inheritdoc />
    public override void RmsNorm(float* x, float* weight, float* y, int n, float epsilon)
    {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += (double)x[i] * x[i];
        float scale = 1 / MathF.Sqrt((float)(sum / n) + epsilon);
        for (int i = 0; i < n; i++) y[i] = x[i] * scale * weight[i];
    }

    /// <inheritdoc />
    public override void LayerNorm(float* x, Norm norm, float* y, int n, float epsilon)
    {
        double sum = 0, squares = 0;
        for (int i = 0; i < n; i++) sum += x[i];
        double mean = sum / n;
        for (int i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
        double scale = 1 / Math.Sqrt((squares / n) + epsilon);
        for (int i = 0; i < n; i++)
            y[i] = ((float)((x[i] - mean) * scale) * norm.Weights[i]) + (norm.Bias is null ? 0 : norm.Bias[i]);
    }

    /// <inheritdoc />
    public override void SquareRelu(float* x, float* result, int n)
    {
        for (int i = 0; i < n; i++) result[i] = x[i] > 0 ? x[i] * x[i] : 0;
    }

    /// <inheritdoc />
    public override void Add(float* x, float* y, int n)
    {
        for (int i = 0; i < n; i++) x[i] += y[i];
    }

    /// <inheritdoc />
    public override void Scale(float* x, float factor, int n)
    {
        for (int i = 0; i < n; i++) x[i] *= factor;
    }

    /// <inheritdoc />
    public override void Gate(float* gate, float* up, float* result, int n, bool gelu)
    {
        for (int i = 0; i < n; i++) result[i] = (gelu ? Gelu(gate[i]) : gate[i] / (1 + MathF.Exp(-gate[i]))) * up[i];
    }

    /// <inheritdoc />
    public override void Quantize(Activations activations, int token, int first, int count) =>
        QuantizeBlocks(activations, token, first, count);

    /// <inheritdoc />
    public override void Multiply(
        WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
    {
        for (int row = first; row < first + rows; row++)
        {
            Decode(weights, row, 0, weights.Columns, scratch.Row);
            for (int t = 0; t < tokens; t++)
            {
                output[((long)t * stride) + row] = Dot(scratch.Row, inputs.Values + ((long)t * inputs.Stride), weights.Columns);
            }
        }
    }

    /// <inheritdoc />
    public override void MultiplyAdd(int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        for (int i = 0; i < m; i++)
        {
            for (int p = 0; p < k; p++)
            {
                float factor = a[(i * lda) + p];
                for (int j = 0; j < n; j++) c[(i * ldc) + j] += factor * b[(p * ldb) + j];
            }
        }
    }

    /// <inheritdoc />
    public override float Dot(float* a, float* b, int n)
    {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += (double)a[i] * b[i];
        return (float)sum;
    }

    /// <inheritdoc />
    public override float Exponentials(float* scores, int n, float maximum)
    {
        float sum = 0;
        for (int i = 0; i < n; i++) sum += scores[i] = MathF.Exp(scores[i] - maximum);
        return sum;
    }

    /// <inheritdoc />
    public override float Maximum(float* values, int n)
    {
        float largest = values[0];
        for (int i = 1; i < n; i++) largest = Math.Max(largest, values[i]);
        return largest;
    }

    /// <inheritdoc />
    public override void HalvesToFloats(ushort* halves, float* floats, int n)
    {
        for (int i = 0; i < n; i++) floats[i] = (float)BitConverter.UInt16BitsToHalf(halves[i]);
    }

    /// <inheritdoc />
    public override void FloatsToHalves(float* floats, ushort* halves, int n)
    {
        for (int i = 0; i < n; i++) halves[i] = BitConverter.HalfToUInt16Bits((Half)floats[i]);
    }

    /// <inheritdoc />
    public override void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        if (weights.Source is not null) base.Decode(weights, row, first, count, floats);
        else RowDecoder.Decode(weights.Type, weights.Row(row) + GgmlTypes.ByteSize(weights.Type, first), count, floats, scalar: true);
    }

    /// <summary>The definition of 8-bit inputs: d = max|x| / 127, q = x/d rounded to nearest even.</summary>
    internal static void QuantizeBlocks(Activations activations, int token, int first, int count)
    {
        long offset = (long)token * activations.Stride;
        for (int block = first / 32; block < (first + count) / 32; block++)
        {
            float* x = activations.Values + offset + (block * 32);
            sbyte* q = activations.Bytes + offset + (block * 32);
            float largest = 0;
            for (int i = 0; i < 32; i++) largest = Math.Max(largest, Math.Abs(x[i]));
            float d = largest / 127;
            float inverse = largest > SmallestScaled ? 127 / largest : 0;
            int low = 0, high = 0;
            for (int i = 0; i < 32; i++)
            {
                q[i] = (sbyte)MathF.Round(x[i] * inverse);
                if (activations.Wide is not null) activations.Wide[offset + (block * 32) + i] = q[i];
                if (i < 16) low += q[i];
                else high += q[i];
            }

            long at = ((long)token * activations.BlockStride) + block;
            activations.Scales[at] = d;
            activations.Sums[at] = d * (low + high);
            activations.HalfSums[2 * at] = d * low;
            activations.HalfSums[(2 * at) + 1] = d * high;
        }
    }

    private static float Gelu(float x) => 0.5f * x * (1 + MathF.Tanh(0.79788456080286535588f * x * (1 + (0.044715f * x * x))));
}
