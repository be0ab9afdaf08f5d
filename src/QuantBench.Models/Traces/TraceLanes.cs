using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using QuantBench.Models.Graphs;

namespace QuantBench.Models.Traces;

/// <summary>
/// Sixteen sequences that a model continues side by side. Vectors run across the sequences, never along a sum: each sequence is computed as
/// a scalar loop would, one product and one addition after the other, so that every machine gets the same bits.
/// </summary>
/// <remarks>Values are laid out [feature, lane].</remarks>
internal sealed class TraceLanes
{
    /// <summary>Sequences.</summary>
    public const int Count = 16;

    private const int Half = Count / 2;

    private readonly TraceModel _model;
    private readonly DecoderShape _shape;
    private readonly float[] _state;
    private readonly float[] _normed;
    private readonly float[] _query;
    private readonly float[] _mixed;
    private readonly float[] _gate;
    private readonly float[] _up;
    private readonly float[] _scores;
    private readonly float[][] _keys;
    private readonly float[][] _values;

    /// <summary>Starts with no tokens.</summary>
    /// <param name="model">The model.</param>
    /// <param name="length">Tokens that each sequence will have.</param>
    public TraceLanes(TraceModel model, int length)
    {
        (_model, _shape) = (model, model.Shape);
        _state = new float[_shape.Embedding * Count];
        _normed = new float[_shape.Embedding * Count];
        _query = new float[_shape.QueryWidth * Count];
        _mixed = new float[_shape.QueryWidth * Count];
        _gate = new float[_shape.FeedForward * Count];
        _up = new float[_shape.FeedForward * Count];
        _scores = new float[length * Count];
        Logits = new float[_shape.Vocabulary * Count];
        _keys = [.. model.Layers.Select(_ => new float[length * _shape.KeyWidth * Count])];
        _values = [.. model.Layers.Select(_ => new float[length * _shape.KeyWidth * Count])];
    }

    /// <summary>[vocabulary, lane], of the last step.</summary>
    public float[] Logits { get; }

    /// <summary>Appends one token to each sequence.</summary>
    /// <param name="position">Tokens there are already.</param>
    /// <param name="tokens">[lanes] ids.</param>
    public void Step(int position, ReadOnlySpan<int> tokens)
    {
        for (int i = 0; i < _shape.Embedding; i++)
        {
            for (int lane = 0; lane < Count; lane++)
                _state[(i * Count) + lane] = _model.Embeddings[(tokens[lane] * _shape.Embedding) + i];
        }

        (float Cos, float Sin)[] angles = [.. _model.Frequencies.Select(f => ExactMath.CosSin(position * f))];
        int keyWidth = _shape.KeyWidth * Count;
        for (int i = 0; i < _model.Layers.Length; i++)
        {
            TraceLayer layer = _model.Layers[i];
            Normalise(layer.AttentionNorm);
            Span<float> key = _keys[i].AsSpan(position * keyWidth, keyWidth);
            Multiply(layer.Query, _normed, _query);
            Multiply(layer.Key, _normed, key);
            Multiply(layer.Value, _normed, _values[i].AsSpan(position * keyWidth, keyWidth));
            Rotate(_query, angles);
            Rotate(key, angles);
            for (int head = 0; head < _shape.Heads; head++) Attend(i, head, position + 1);
            Multiply(layer.Output, _mixed, _normed);
            Add();
            Normalise(layer.FeedForwardNorm);
            Multiply(layer.Gate, _normed, _gate);
            Multiply(layer.Up, _normed, _up);
            for (int at = 0; at < _gate.Length; at += Half)
            {
                Vector256<float> gate = At(_gate, at);
                Put(gate / (Vector256<float>.One + ExactMath.Exp(-gate)) * At(_up, at), _gate, at);
            }

            Multiply(layer.Down, _gate, _normed);
            Add();
        }

        Normalise(_model.OutputNorm);
        Multiply(_model.Head, _normed, Logits);
    }

    /// <summary>output[row] = Σ weights[row, column] · input[column], for each lane; a whole number of four rows.</summary>
    private static void Multiply(ReadOnlySpan<float> weights, ReadOnlySpan<float> input, Span<float> output)
    {
        int columns = input.Length / Count, rows = output.Length / Count;
        for (int row = 0; row < rows; row += 4)
        {
            ref float w0 = ref MemoryMarshal.GetReference(weights.Slice(row * columns, 4 * columns));
            ref float x = ref MemoryMarshal.GetReference(input);
            Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            for (int i = 0; i < columns; i++)
            {
                var x0 = Vector256.LoadUnsafe(ref x, (nuint)(i * Count));
                var x1 = Vector256.LoadUnsafe(ref x, (nuint)((i * Count) + Half));
                var a = Vector256.Create(System.Runtime.CompilerServices.Unsafe.Add(ref w0, i));
                var b = Vector256.Create(System.Runtime.CompilerServices.Unsafe.Add(ref w0, columns + i));
                var c = Vector256.Create(System.Runtime.CompilerServices.Unsafe.Add(ref w0, (2 * columns) + i));
                var d = Vector256.Create(System.Runtime.CompilerServices.Unsafe.Add(ref w0, (3 * columns) + i));
                a0 += a * x0;
                a1 += a * x1;
                b0 += b * x0;
                b1 += b * x1;
                c0 += c * x0;
                c1 += c * x1;
                d0 += d * x0;
                d1 += d * x1;
            }

            int at = row * Count;
            Put(a0, output, at);
            Put(a1, output, at + Half);
            Put(b0, output, at + Count);
            Put(b1, output, at + Count + Half);
            Put(c0, output, at + (2 * Count));
            Put(c1, output, at + (2 * Count) + Half);
            Put(d0, output, at + (3 * Count));
            Put(d1, output, at + (3 * Count) + Half);
        }
    }

    private static Vector256<float> At(ReadOnlySpan<float> values, int at) => Vector256.Create(values.Slice(at, Half));

    private static void Put(Vector256<float> value, Span<float> values, int at) => value.CopyTo(values.Slice(at, Half));

    private void Normalise(ReadOnlySpan<float> weights)
    {
        for (int half = 0; half < Count; half += Half)
        {
            Vector256<float> sum = default;
            for (int i = 0; i < weights.Length; i++) sum += At(_state, (i * Count) + half) * At(_state, (i * Count) + half);
            Vector256<float> scale =
                Vector256<float>.One
                    / Vector256.Sqrt((sum / Vector256.Create((float)weights.Length)) + Vector256.Create(_shape.NormEpsilon));
            for (int i = 0; i < weights.Length; i++)
                Put(At(_state, (i * Count) + half) * scale * Vector256.Create(weights[i]), _normed, (i * Count) + half);
        }
    }

    private void Add()
    {
        for (int at = 0; at < _state.Length; at += Half) Put(At(_state, at) + At(_normed, at), _state, at);
    }

    /// <summary>Turns the pairs (i, i + width/2) of every head.</summary>
    private void Rotate(Span<float> heads, (float Cos, float Sin)[] angles)
    {
        int width = _shape.HeadWidth * Count;
        for (int start = 0; start < heads.Length; start += width)
        {
            for (int at = 0; at < width / 2; at += Half)
            {
                (float c, float s) = angles[at / Count];
                (Vector256<float> cos, Vector256<float> sin) = (Vector256.Create(c), Vector256.Create(s));
                Vector256<float> a = At(heads, start + at), b = At(heads, start + at + (width / 2));
                Put((a * cos) - (b * sin), heads, start + at);
                Put((a * sin) + (b * cos), heads, start + at + (width / 2));
            }
        }
    }

    private void Attend(int layer, int head, int length)
    {
        int width = _shape.HeadWidth * Count, step = _shape.KeyWidth * Count, from = head * width;
        int first = head / (_shape.Heads / _shape.KvHeads) * width;
        for (int half = 0; half < Count; half += Half)
        {
            Vector256<float> max = Vector256.Create(float.NegativeInfinity), sum = default;
            for (int p = 0; p < length; p++)
            {
                ReadOnlySpan<float> key = _keys[layer].AsSpan((p * step) + first, width);
                Vector256<float> score = default;
                for (int i = half; i < width; i += Count) score += At(_query, from + i) * At(key, i);
                score *= Vector256.Create(_shape.AttentionScale);
                Put(score, _scores, (p * Count) + half);
                max = Vector256.Max(max, score);
            }

            for (int p = 0; p < length; p++)
            {
                Vector256<float> share = ExactMath.Exp(At(_scores, (p * Count) + half) - max);
                Put(share, _scores, (p * Count) + half);
                sum += share;
            }

            for (int i = half; i < width; i += Count)
            {
                Vector256<float> mixed = default;
                for (int p = 0; p < length; p++) mixed += At(_scores, (p * Count) + half) * At(_values[layer], (p * step) + first + i);
                Put(mixed / sum, _mixed, from + i);
            }
        }
    }
}
