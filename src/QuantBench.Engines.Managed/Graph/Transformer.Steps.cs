using QuantBench.Engines.Managed.Kernels;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

// The steps of a forward pass, in the order they run. None of them crosses the barrier.
internal sealed unsafe partial class Transformer
{
    // Hidden elements gated at once, so that a single token's feed-forward part is shared by the workers.
    private const int GateElements = 1024;

    // Rows that a worker takes at once when many tokens share them: one float panel, four integer panels.
    private const int PanelRows = 64;

    private void Embed(int worker, int count)
    {
        for (int t = worker; t < count; t += _pool.Size)
        {
            float* x = _residual + ((long)t * _shape.Embedding);
            _kernels.Decode(_model.Embeddings, _tokens[t], 0, _shape.Embedding, x);
            if (_shape.EmbeddingScale != 1) _kernels.Scale(x, _shape.EmbeddingScale, _shape.Embedding);
            _rope.Fill(_positions[t], Table(_angles, t));
            if (_shape.Window > 0) _localRope.Fill(_positions[t], Table(_localAngles, t));
        }

        _pool.Barrier();
    }

    /// <summary>Adds the last branch to the residual stream and normalises it into the next product's inputs.</summary>
    /// <param name="count">Tokens.</param>
    /// <param name="bias">Of the branch, or null.</param>
    /// <param name="postNorm">Of the branch, or null.</param>
    /// <param name="addBranch">Whether there is one.</param>
    /// <param name="norm">Of the residual stream.</param>
    /// <param name="quantize">Whether the product wants bytes.</param>
    /// <param name="branchLast">The branch is added behind the norm.</param>
    /// <param name="fed">The layer whose feed-forward part the branch is: experts' results are added up here; null of another
    /// branch.</param>
    private void Normalise(
        int count, float* bias, float* postNorm, bool addBranch, Norm norm, bool quantize, bool branchLast = false, Layer? fed = null)
    {
        int width = _shape.Embedding;
        for (int t = _pool.Take(); t < count; t = _pool.Take())
        {
            float* x = _residual + ((long)t * width);
            float* input = _inputs.Values + ((long)t * _inputs.Stride);
            if (branchLast) Normalise(x, norm, input);
            if (addBranch)
            {
                float* branch = _branch + ((long)t * width);
                if (bias is not null) _kernels.Add(branch, bias, width);
                if (fed?.Experts is { } experts) Combine(fed, experts, t, new Span<float>(branch, width));
                if (postNorm is not null) _kernels.RmsNorm(branch, postNorm, branch, width, _shape.NormEpsilon);
                if (_shape.ResidualScale != 1) _kernels.Scale(branch, _shape.ResidualScale, width);
                _kernels.Add(x, branch, width);
                if (RoundsLayers && fed is not null) RoundToBf16(new Span<float>(x, width));
            }

            if (!branchLast) Normalise(x, norm, input);
            if (quantize) _kernels.Quantize(_inputs, t, 0, width);
        }
    }

    // To nearest, ties to even; what isn't finite stays so.
    private static void RoundToBf16(Span<float> values)
    {
        foreach (ref float value in values)
        {
            if (!float.IsFinite(value)) continue;
            uint bits = BitConverter.SingleToUInt32Bits(value);
            value = BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
        }
    }

    private void Normalise(float* x, Norm norm, float* input)
    {
        int width = _shape.Embedding;
        if (norm.Weights is null) Copy(x, input, width);
        else if (_shape.Architecture.HasLayerNorms) _kernels.LayerNorm(x, norm, input, width, _shape.NormEpsilon);
        else _kernels.RmsNorm(x, norm.Weights, input, width, _shape.NormEpsilon);
    }

    private void Rotate(int index, Layer layer, int count)
    {
        int width = _shape.HeadWidth;
        bool local = _shape.IsWindowed(index), rotated = _shape.IsRotated(index),
            whole = _shape.Architecture.HasProjectionNorms && layer.QueryNorm is not null && layer.KeyNorm is not null;
        float* tables = local ? _localAngles : _angles;
        int queryWidth = _shape.Heads * width, keyWidth = _shape.KvHeads * width;
        for (int t = _pool.Take(); t < count; t = _pool.Take())
        {
            float* table = tables + ((long)t * _shape.RotatedWidth);
            float* q = _queries + ((long)t * queryWidth);
            float* k = _keys + ((long)t * keyWidth);
            float* v = _values + ((long)t * keyWidth);
            if (layer.Query.Bias is not null) _kernels.Add(q, layer.Query.Bias, queryWidth);
            if (layer.Key.Bias is not null) _kernels.Add(k, layer.Key.Bias, keyWidth);
            if (layer.Value.Bias is not null) _kernels.Add(v, layer.Value.Bias, keyWidth);
            if (whole)
            {
                _kernels.RmsNorm(q, layer.QueryNorm, q, queryWidth, _shape.NormEpsilon);
                _kernels.RmsNorm(k, layer.KeyNorm, k, keyWidth, _shape.NormEpsilon);
            }

            for (int h = 0; h < _shape.Heads; h++)
            {
                float* head = q + (h * width);
                if (!whole && layer.QueryNorm is not null) _kernels.RmsNorm(head, layer.QueryNorm, head, width, _shape.NormEpsilon);
                if (rotated) Rotate(head, table);
            }

            for (int h = 0; h < _shape.KvHeads; h++)
            {
                float* head = k + (h * width);
                if (!whole && layer.KeyNorm is not null) _kernels.RmsNorm(head, layer.KeyNorm, head, width, _shape.NormEpsilon);
                if (rotated) Rotate(head, table);
                _cache.Store(index, false, _sequences[t], _positions[t], h, head);
                _cache.Store(index, true, _sequences[t], _positions[t], h, v + (h * width));
            }
        }
    }

    private Span<float> Table(float* angles, int token) => new(angles + ((long)token * _shape.RotatedWidth), _shape.RotatedWidth);

    /// <summary>Rotates one head by its token's table.</summary>
    private void Rotate(float* head, float* table)
    {
        int half = _shape.RotatedWidth / 2;
        int apart = _shape.NeoxRope ? half : 1;
        int step = _shape.NeoxRope ? 1 : 2;
        float* x = head;
        for (int i = 0; i < half; i++, x += step)
        {
            float cos = table[2 * i], sin = table[(2 * i) + 1];
            float a = x[0], b = x[apart];
            x[0] = (a * cos) - (b * sin);
            x[apart] = (a * sin) + (b * cos);
        }
    }

    private void Attend(int index, int worker)
    {
        int width = _shape.Heads * _shape.HeadWidth;
        int tasks = _runCount * _attention.Groups;
        for (int task = _pool.Take(); task < tasks; task = _pool.Take())
        {
            // Last runs first: they see the most keys, and a long task at the end would leave the others waiting.
            TokenRun run = _runs[_runCount - 1 - (task / _attention.Groups)];
            _attention.Compute(index, run, task % _attention.Groups, _queries, width, _mixed, width, _model.Layers[index].Sinks,
                _scratch[worker].Attention);
        }
    }

    /// <summary>Moves the tokens whose logits are wanted to the front: the others need nothing behind the last layer's cache.</summary>
    private void KeepWanted(int worker)
    {
        if (worker != 0 || _wantedCount == _count) return;
        int width = _shape.Heads * _shape.HeadWidth;
        for (int i = 0; i < _wantedCount; i++)
        {
            int from = _wanted[i];
            if (from == i) continue;
            Copy(_mixed + ((long)from * width), _mixed + ((long)i * width), width);
            Copy(_residual + ((long)from * _shape.Embedding), _residual + ((long)i * _shape.Embedding), _shape.Embedding);
        }
    }

    private void TakeMixed(int count, bool quantize)
    {
        int width = _shape.MixedWidth;
        for (int t = _pool.Take(); t < count; t = _pool.Take())
        {
            Copy(_mixed + ((long)t * width), _inputs.Values + ((long)t * _inputs.Stride), width);
            if (quantize) _kernels.Quantize(_inputs, t, 0, width);
        }
    }

    private void GateHidden(FeedForward part, int count, ref int task)
    {
        int width = part.Up.Weights.Rows, stride = _shape.CommonFeedForward, pieces = Pieces(width);
        bool quantize = Reads8Bit(part.Down);
        for (; task < pieces * count; task = _pool.Take())
        {
            int t = task / pieces, first = task % pieces * GateElements;
            int length = Math.Min(GateElements, width - first);
            float* gate = _gate + ((long)t * stride) + first;
            float* up = _up + ((long)t * stride) + first;
            float* hidden = _hidden.Values + ((long)t * _hidden.Stride) + first;
            if (part.Up.Bias is not null) _kernels.Add(up, part.Up.Bias + first, length);
            if (part.Gate is { } matrix)
            {
                if (matrix.Bias is not null) _kernels.Add(gate, matrix.Bias + first, length);
                _kernels.Gate(gate, up, hidden, length, _shape.Architecture.Gelu);
            }
            else if (_shape.Architecture.SquaresRelu)
            {
                _kernels.SquareRelu(up, hidden, length);
            }
            else
            {
                _kernels.Gate(up, _ones, hidden, length, _shape.Architecture.Gelu);
            }

            if (quantize) _kernels.Quantize(_hidden, t, first, length);
        }
    }

    private void CapLogits(int count)
    {
        float cap = _shape.LogitSoftCap;
        for (int t = _pool.Take(); t < count; t = _pool.Take())
        {
            float* row = _logits + ((long)t * _model.VocabularySize);
            for (int i = 0; i < _model.VocabularySize; i++) row[i] = cap * MathF.Tanh(row[i] / cap);
        }
    }

    private void Multiply(int worker, Activations inputs, int count, Linear a, float* resultA) =>
        MultiplyRows(worker, inputs, count, a.Weights, resultA, a.Weights.Rows, 0, out _);

    private void Multiply(
        int worker, Activations inputs, int count, Linear a, float* resultA, Linear b, float* resultB, Linear c, float* resultC)
    {
        int next = MultiplyRows(worker, inputs, count, a.Weights, resultA, a.Weights.Rows, 0, out int task);
        next = MultiplyRows(worker, inputs, count, b.Weights, resultB, b.Weights.Rows, next, out task, task);
        MultiplyRows(worker, inputs, count, c.Weights, resultC, c.Weights.Rows, next, out _, task);
    }

    /// <summary>One worker's share of a product. Products of one step number their tasks on, so that no barrier lies between
    /// them.</summary>
    /// <param name="worker">The worker.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="count">Tokens.</param>
    /// <param name="weights">The matrix.</param>
    /// <param name="result">[count, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="firstTask">Number of the product's first task.</param>
    /// <param name="task">The task that this worker took and that belongs to a later product.</param>
    /// <param name="taken">The task that this worker has taken already; −1 = none.</param>
    /// <returns>Number of the next product's first task.</returns>
    private int MultiplyRows(
        int worker, Activations inputs, int count, WeightMatrix weights, float* result, int stride, int firstTask, out int task,
        int taken = -1)
    {
        // Eight tasks per worker even out a busy core; a multiple of 16 rows keeps two workers from writing to one cache line.
        int chunk = count > 1 ? PanelRows : Math.Clamp(weights.Rows / (_pool.Size * 8) / 16 * 16, 16, 1024);
        int end = firstTask + ((weights.Rows + chunk - 1) / chunk);
        task = taken >= 0 ? taken : _pool.Take();
        while (task < end)
        {
            int first = (task - firstTask) * chunk;
            _kernels.Multiply(weights, first, Math.Min(chunk, weights.Rows - first), inputs, count, result, stride, _scratch[worker]);
            task = _pool.Take();
        }

        return end;
    }

    private static void Copy(float* source, float* target, int count) =>
        new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(target, count));
}
