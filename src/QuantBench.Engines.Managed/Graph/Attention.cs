using QuantBench.Engines.Managed.Kernels;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>
/// Causal attention over blocks of keys with a running softmax: scores of a tile of tokens against one block exist at a time, never the
/// whole square. All query heads that share a key-value head are rows of one tile, so each key and value is converted once for them.
/// </summary>
internal sealed unsafe class Attention
{
    private const int BlockKeys = 64;
    private const int TileRows = 64;

    // Up to this many rows a dot product per key is cheaper than transposing the keys.
    private const int DirectRows = 8;

    // So many heads share one conversion of keys, which costs a small part of their dot products then.
    private const int LatentHeads = 8;

    private readonly KernelSet _kernels;
    private readonly DecoderShape _shape;
    private readonly KvCache _cache;
    private readonly int _group;
    private readonly int _width;
    private readonly int _padded;

    public Attention(KernelSet kernels, DecoderShape shape, KvCache cache)
    {
        _kernels = kernels;
        _shape = shape;
        _cache = cache;
        _group = Group(shape);
        _width = shape.HeadWidth;
        _padded = Padded(shape);
    }

    /// <summary>Groups of query heads that are computed together.</summary>
    public int Groups => _shape.Heads / _group;

    /// <summary>Most tokens of a <see cref="TokenRun"/>.</summary>
    public int TileTokens => Math.Max(1, TileRows / _group);

    /// <summary>Floats of scratch that a worker needs.</summary>
    public static int ScratchFloats(DecoderShape shape)
    {
        int rows = Math.Max(TileRows, Group(shape));
        return (2 * rows * Padded(shape)) + (rows * BlockKeys) + (2 * BlockKeys * Padded(shape)) + (2 * rows);
    }

    /// <summary>Attention of one run of tokens and one group of query heads.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="run">The tokens; their keys and values are in the cache.</param>
    /// <param name="group">Which group.</param>
    /// <param name="queries">[tokens, queryStride]; rotated.</param>
    /// <param name="queryStride">Floats from one token's queries to the next one's.</param>
    /// <param name="output">[tokens, outputStride].</param>
    /// <param name="outputStride">Floats from one token's results to the next one's.</param>
    /// <param name="sinks">[heads]: scores that give nothing; null = there are none.</param>
    /// <param name="scratch">[<see cref="ScratchFloats"/>].</param>
    public void Compute(int layer, TokenRun run, int group, float* queries, int queryStride, float* output, int outputStride,
        float* sinks, float* scratch)
    {
        int rows = run.Count * _group, firstHead = group * _group, kvHead = firstHead / (_shape.Heads / _shape.KvHeads);
        float* q = scratch;
        float* sums = q + (rows * _padded);
        float* scores = sums + (rows * _padded);
        float* keys = scores + (rows * BlockKeys);
        float* values = keys + (BlockKeys * _padded);
        float* maxima = values + (BlockKeys * _padded);
        float* totals = maxima + rows;
        new Span<float>(sums, rows * _padded).Clear();
        new Span<float>(totals, rows).Clear();
        new Span<float>(maxima, rows).Fill(float.NegativeInfinity);
        if (sinks is not null)
        {
            new Span<float>(totals, rows).Fill(1);
            for (int row = 0; row < rows; row++) maxima[row] = sinks[firstHead + (row % _group)];
        }

        for (int row = 0; row < rows; row++)
        {
            float* source = queries + ((long)(run.First + (row / _group)) * queryStride) + ((firstHead + (row % _group)) * _width);
            new ReadOnlySpan<float>(source, _width).CopyTo(new Span<float>(q + (row * _padded), _width));
            _kernels.Scale(q + (row * _padded), _shape.ScaleAt(run.Position + (row / _group)), _width);
        }

        int window = _shape.IsWindowed(layer) ? _shape.Window : int.MaxValue;
        int last = run.Position + run.Count - 1;
        int first = Math.Max(0, run.Position - window + 1) / BlockKeys * BlockKeys;
        if (window == int.MaxValue) first = 0;
        for (int block = first; block <= last; block += BlockKeys)
        {
            int count = Math.Min(BlockKeys, last + 1 - block);
            Score(layer, run, kvHead, block, count, rows, q, keys, values, scores);
            for (int row = 0; row < rows; row++)
            {
                int position = run.Position + (row / _group);
                int end = Math.Min(count, position - block + 1);
                int start = window == int.MaxValue ? 0 : Math.Max(0, position - window + 1 - block);
                Normalise(scores + (row * BlockKeys), start, end, count, maxima + row, totals + row, sums + (row * _padded));
            }

            LoadValues(layer, run.Sequence, block, count, kvHead, values);
            _kernels.MultiplyAdd(rows, _padded, count, scores, BlockKeys, values, _padded, sums, _padded);
        }

        for (int row = 0; row < rows; row++)
        {
            float* target = output + ((long)(run.First + (row / _group)) * outputStride) + ((firstHead + (row % _group)) * _width);
            _kernels.Scale(sums + (row * _padded), 1 / totals[row], _width);
            new ReadOnlySpan<float>(sums + (row * _padded), _width).CopyTo(new Span<float>(target, _width));
        }
    }

    /// <summary>
    /// Query heads of a group: all that share a key head, so that keys are converted once for them. Latent attention has one key head; its
    /// query heads are split, since a single token would leave all workers but one idle otherwise.
    /// </summary>
    private static int Group(DecoderShape shape)
    {
        int all = shape.Heads / shape.KvHeads;
        return shape.Latent is null ? all : Enumerable.Range(1, Math.Min(all, LatentHeads)).Last(heads => all % heads == 0);
    }

    private static int Padded(DecoderShape shape) => (shape.HeadWidth + 15) / 16 * 16;

    private void Score(int layer, TokenRun run, int kvHead, int block, int count, int rows, float* q, float* keys, float* values,
        float* scores)
    {
        if (rows <= DirectRows)
        {
            _cache.Load(layer, false, run.Sequence, block, count, kvHead, keys, _padded);
            for (int row = 0; row < rows; row++)
            {
                for (int key = 0; key < count; key++)
                    scores[(row * BlockKeys) + key] = _kernels.Dot(q + (row * _padded), keys + (key * _padded), _width);
            }
        }
        else
        {
            _cache.Load(layer, false, run.Sequence, block, count, kvHead, values, _padded);
            if (count < BlockKeys) new Span<float>(keys, _width * BlockKeys).Clear();
            for (int key = 0; key < count; key++)
            {
                float* source = values + (key * _padded);
                for (int i = 0; i < _width; i++) keys[(i * BlockKeys) + key] = source[i];
            }

            new Span<float>(scores, rows * BlockKeys).Clear();
            _kernels.MultiplyAdd(rows, BlockKeys, _width, q, _padded, keys, BlockKeys, scores, BlockKeys);
        }

        if (_shape.AttentionSoftCap <= 0) return;
        float cap = _shape.AttentionSoftCap;
        for (int i = 0; i < rows * BlockKeys; i++) scores[i] = cap * MathF.Tanh(scores[i] / cap);
    }

    /// <summary>Turns scores of keys start … end − 1 into weights, all others into zeros, and rescales what was summed before.</summary>
    private void Normalise(float* scores, int start, int end, int count, float* maximum, float* total, float* sums)
    {
        if (start >= end)
        {
            new Span<float>(scores, count).Clear();
            return;
        }

        float most = MathF.Max(*maximum, _kernels.Maximum(scores + start, end - start));
        if (most > *maximum)
        {
            float correction = MathF.Exp(*maximum - most);
            *total *= correction;
            _kernels.Scale(sums, correction, _padded);
            *maximum = most;
        }

        *total += _kernels.Exponentials(scores + start, end - start, most);
        new Span<float>(scores, start).Clear();
        new Span<float>(scores + end, count - end).Clear();
    }

    private void LoadValues(int layer, int sequence, int block, int count, int kvHead, float* values)
    {
        _cache.Load(layer, true, sequence, block, count, kvHead, values, _padded);
        if (_padded == _width) return;
        for (int i = 0; i < count; i++) new Span<float>(values + (i * _padded) + _width, _padded - _width).Clear();
    }
}
