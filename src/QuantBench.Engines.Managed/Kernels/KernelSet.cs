using System.Numerics.Tensors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>The arithmetic of the graph for one instruction set. Stateless; results don't depend on how work is split among
/// threads.</summary>
internal abstract unsafe class KernelSet
{
    /// <summary>The device's name: <c>scalar</c>, <c>neon</c>, <c>avx2</c> or <c>avx512</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether products with this type read 8-bit inputs instead of floats.</summary>
    public abstract bool UsesQuantizedInputs(GgmlType type);

    /// <summary>Whether products with this type read 8-bit inputs as 16-bit numbers too.</summary>
    public virtual bool UsesWideInputs(GgmlType type) => false;

    /// <summary>Bytes of a layout of its own that these kernels read faster than the file's; 0 when they read the file's rows.</summary>
    public virtual long RepackedBytes(WeightMatrix weights) => 0;

    /// <summary>Fills part of <see cref="WeightMatrix.Repacked"/>.</summary>
    /// <param name="weights">A matrix whose repacked bytes are allocated.</param>
    /// <param name="panel">Which 16 rows.</param>
    /// <param name="scratch">The worker's memory.</param>
    public virtual void Repack(WeightMatrix weights, int panel, WorkerScratch scratch) =>
        throw new InvalidOperationException("nothing to repack");

    /// <summary>y = x · w / sqrt(mean(x²) + ε), element by element.</summary>
    /// <param name="x">[n].</param>
    /// <param name="weight">[n].</param>
    /// <param name="y">[n]; may be x.</param>
    /// <param name="n">Elements.</param>
    /// <param name="epsilon">ε.</param>
    public abstract void RmsNorm(float* x, float* weight, float* y, int n, float epsilon);

    /// <summary>y = (x − mean(x)) · w / sqrt(variance(x) + ε) + b, element by element.</summary>
    /// <param name="x">[n].</param>
    /// <param name="norm">[n] each; b may be missing.</param>
    /// <param name="y">[n]; may be x.</param>
    /// <param name="n">Elements.</param>
    /// <param name="epsilon">ε.</param>
    public virtual void LayerNorm(float* x, Norm norm, float* y, int n, float epsilon)
    {
        ReadOnlySpan<float> from = new(x, n), weights = new(norm.Weights, n);
        var to = new Span<float>(y, n);
        TensorPrimitives.Subtract(from, TensorPrimitives.Sum(from) / n, to);
        float scale = 1 / MathF.Sqrt((TensorPrimitives.SumOfSquares<float>(to) / n) + epsilon);
        TensorPrimitives.Multiply(to, scale, to);
        if (norm.Bias is null) TensorPrimitives.Multiply(to, weights, to);
        else TensorPrimitives.MultiplyAdd(to, weights, new ReadOnlySpan<float>(norm.Bias, n), to);
    }

    /// <summary>result = max(x, 0)².</summary>
    public virtual void SquareRelu(float* x, float* result, int n)
    {
        var to = new Span<float>(result, n);
        TensorPrimitives.Max(new ReadOnlySpan<float>(x, n), 0, to);
        TensorPrimitives.Multiply(to, to, to);
    }

    /// <summary>x += y.</summary>
    public virtual void Add(float* x, float* y, int n)
    {
        var sums = new Span<float>(x, n);
        TensorPrimitives.Add(sums, new ReadOnlySpan<float>(y, n), sums);
    }

    /// <summary>x *= factor.</summary>
    public virtual void Scale(float* x, float factor, int n)
    {
        var products = new Span<float>(x, n);
        TensorPrimitives.Multiply(products, factor, products);
    }

    /// <summary>result = activation(gate) · up, with SiLU or the tanh form of GELU.</summary>
    public abstract void Gate(float* gate, float* up, float* result, int n, bool gelu);

    /// <summary>Fills bytes, scales and sums of one token from its floats.</summary>
    /// <param name="activations">Holds floats of the token.</param>
    /// <param name="token">Which token.</param>
    /// <param name="first">First element; a multiple of 32.</param>
    /// <param name="count">Elements; a multiple of 32.</param>
    public abstract void Quantize(Activations activations, int token, int first, int count);

    /// <summary>Products of some rows of a matrix with every token.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="output">[tokens, stride]; row r of token t goes to t · stride + r.</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="scratch">The worker's memory.</param>
    public abstract void Multiply(
        WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch);

    /// <summary>C += A · B.</summary>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Columns of B and C; a multiple of 16.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="a">[m, lda].</param>
    /// <param name="lda">Floats from one row of A to the next.</param>
    /// <param name="b">[k, ldb].</param>
    /// <param name="ldb">Floats from one row of B to the next.</param>
    /// <param name="c">[m, ldc].</param>
    /// <param name="ldc">Floats from one row of C to the next.</param>
    public abstract void MultiplyAdd(int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc);

    /// <summary>Σ aᵢ·bᵢ.</summary>
    public abstract float Dot(float* a, float* b, int n);

    /// <summary>Replaces scores by exp(score − maximum).</summary>
    /// <returns>Their sum.</returns>
    public abstract float Exponentials(float* scores, int n, float maximum);

    /// <summary>Largest of n ≥ 1 numbers.</summary>
    public virtual float Maximum(float* values, int n) => TensorPrimitives.Max(new ReadOnlySpan<float>(values, n));

    /// <summary>Floats of n half-precision numbers.</summary>
    public abstract void HalvesToFloats(ushort* halves, float* floats, int n);

    /// <summary>Half-precision numbers of n floats, rounded to nearest even.</summary>
    public virtual void FloatsToHalves(float* floats, ushort* halves, int n) =>
        TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(floats, n), new Span<Half>(halves, n));

    /// <summary>Floats of one row of a matrix.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="row">Which row.</param>
    /// <param name="first">First column; at a block's start.</param>
    /// <param name="count">Columns; whole blocks.</param>
    /// <param name="floats">[count].</param>
    public virtual void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        if (weights.Source is { } source)
        {
            source.ReadPiece(weights.FirstRow + row, first, new Span<float>(floats, count));
            return;
        }

        byte* data = weights.Row(row) + GgmlTypes.ByteSize(weights.Type, first);
        RowDecoder.Decode(weights.Type, data, count, floats, scalar: false);
    }
}
