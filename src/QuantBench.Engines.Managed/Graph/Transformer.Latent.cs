using QuantBench.Engines.Managed.Kernels;
using QuantBench.Models.Architectures;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

// Latent attention: the cache holds one compressed vector per token, which all heads' keys and values are products of. Queries are turned
// to meet it as it is, and so attention is that of one key head with wide query heads; what each head gives is a sum of compressed
// vectors, and its value matrix comes last.
internal sealed unsafe partial class Transformer
{
    private void MakeLatent(int worker, int index, Layer layer, LatentAttention latent, int count)
    {
        LatentSizes sizes = _shape.Latent!; // of a layer with latent attention
        int next = latent.QueryDown is { } down
            ? MultiplyRows(worker, _inputs, count, down.Weights, _compressed, sizes.QueryRank, 0, out int task)
            : MultiplyRows(worker, _inputs, count, layer.Query.Weights, _wholeQueries, layer.Query.Weights.Rows, 0, out task);
        MultiplyRows(worker, _inputs, count, layer.Key.Weights, _keys, sizes.CacheWidth, next, out _, task);
        _pool.Barrier();
        StoreLatent(index, layer, latent, sizes, count);
        _pool.Barrier();
        if (latent.QueryDown is not null)
        {
            Multiply(worker, _latentInputs, count, layer.Query, _wholeQueries);
            _pool.Barrier();
        }

        SplitQueries(latent, sizes, count);
        _pool.Barrier();
        MultiplyHeads(worker, latent.KeyUp, count, _queries, _shape.QueryWidth, _shape.HeadWidth);
    }

    /// <summary>Normalises what queries are compressed to, and puts compressed keys with their rotated part into the cache.</summary>
    private void StoreLatent(int index, Layer layer, LatentAttention latent, LatentSizes sizes, int count)
    {
        bool quantize = Reads8Bit(layer.Query);
        for (int t = _pool.Take(); t < count; t = _pool.Take())
        {
            float* key = _keys + ((long)t * sizes.CacheWidth);
            _kernels.RmsNorm(key, latent.KeyNorm, key, sizes.KeyRank, _shape.NormEpsilon);
            Rotate(key + sizes.KeyRank, _angles + ((long)t * _shape.RotatedWidth));
            _cache.Store(index, false, _sequences[t], _positions[t], 0, key);
            if (latent.QueryDown is null) continue;
            float* query = _latentInputs.Values + ((long)t * _latentInputs.Stride);
            _kernels.RmsNorm(_compressed + ((long)t * sizes.QueryRank), latent.QueryNorm, query, sizes.QueryRank, _shape.NormEpsilon);
            if (quantize) _kernels.Quantize(_latentInputs, t, 0, sizes.QueryRank);
        }
    }

    /// <summary>Gathers the plain parts of all tokens' queries head by head, and rotates the others where attention reads them.</summary>
    private void SplitQueries(LatentAttention latent, LatentSizes sizes, int count)
    {
        bool quantize = _kernels.UsesQuantizedInputs(latent.KeyUp[0].Type);
        for (int task = _pool.Take(); task < count * _shape.Heads; task = _pool.Take())
        {
            (int t, int head) = Math.DivRem(task, _shape.Heads);
            float* query = _wholeQueries + (((long)task) * sizes.HeadWidth);
            int slot = (head * count) + t;
            Copy(query, _headInputs.Values + ((long)slot * _headInputs.Stride), sizes.PlainWidth);
            if (quantize) _kernels.Quantize(_headInputs, slot, 0, sizes.PlainWidth);
            float* rotated = _queries + ((long)t * _shape.QueryWidth) + (head * _shape.HeadWidth) + sizes.KeyRank;
            Copy(query + sizes.PlainWidth, rotated, sizes.RotatedWidth);
            Rotate(rotated, _angles + ((long)t * _shape.RotatedWidth));
        }
    }

    /// <summary>Makes values of the sums of compressed vectors that attention gave.</summary>
    private void MakeValues(int worker, LatentAttention latent, int count)
    {
        LatentSizes sizes = _shape.Latent!; // of a layer with latent attention
        bool quantize = _kernels.UsesQuantizedInputs(latent.ValueUp[0].Type);
        for (int task = _pool.Take(); task < count * _shape.Heads; task = _pool.Take())
        {
            (int t, int head) = Math.DivRem(task, _shape.Heads);
            int slot = (head * count) + t;
            Copy(_mixed + ((long)task * _shape.HeadWidth), _headInputs.Values + ((long)slot * _headInputs.Stride), sizes.KeyRank);
            if (quantize) _kernels.Quantize(_headInputs, slot, 0, sizes.KeyRank);
        }

        _pool.Barrier();
        MultiplyHeads(worker, latent.ValueUp, count, _mixed, _shape.MixedWidth, sizes.ValueWidth);
        _pool.Barrier();
    }

    /// <summary>Products of each head's matrix with its own inputs.</summary>
    /// <param name="worker">The worker.</param>
    /// <param name="matrices">[heads], all of one shape.</param>
    /// <param name="count">Tokens.</param>
    /// <param name="result">[count, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="headStride">Floats from one head's results to the next one's.</param>
    private void MultiplyHeads(int worker, WeightMatrix[] matrices, int count, float* result, int stride, int headStride)
    {
        int rows = matrices[0].Rows, chunk = count > 1 ? PanelRows
            : (int)Math.Clamp((long)matrices.Length * rows / (_pool.Size * 8) / 16 * 16, 16, 1024);
        int chunks = (rows + chunk - 1) / chunk;
        Activations inputs = _slices[worker];
        for (int task = _pool.Take(); task < matrices.Length * chunks; task = _pool.Take())
        {
            (int head, int part) = Math.DivRem(task, chunks);
            inputs.PointTo(_headInputs, head * count);
            _kernels.Multiply(matrices[head], part * chunk, Math.Min(chunk, rows - (part * chunk)), inputs, count,
                result + ((long)head * headStride), stride, _scratch[worker]);
        }
    }
}
