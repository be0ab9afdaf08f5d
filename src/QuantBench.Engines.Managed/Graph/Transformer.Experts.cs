using System.Numerics.Tensors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

// The feed-forward part of a layer: one for all tokens, experts of which each token uses some, or both.
internal sealed unsafe partial class Transformer
{
    // gpt-oss's gate.
    private const float GateLimit = 7;
    private const float GateSlope = 1.702f;

    private void PassFeedForward(int worker, Layer layer, int count)
    {
        int next = 0, task = -1;
        if (layer.Experts is { } rated)
            next = MultiplyRows(worker, _inputs, count, rated.Router.Weights, _ratings, _shape.Experts, next, out task, task);
        if (layer.Common is { } common)
        {
            int width = _shape.CommonFeedForward;
            if (common.Gate is { } gate) next = MultiplyRows(worker, _inputs, count, gate.Weights, _gate, width, next, out task, task);
            MultiplyRows(worker, _inputs, count, common.Up.Weights, _up, width, next, out task, task);
        }

        _pool.Barrier();
        if (layer.Experts is { } experts)
        {
            Route(experts, count);
            _pool.Barrier();

            // A single token needs no other's choices, and all of its slots read the same inputs.
            if (count > 1)
            {
                if (worker == 0) _routes.Group(count);
                _pool.Barrier();
                Gather(experts, count);
                _pool.Barrier();
            }

            MultiplyUp(worker, experts, count);
            _pool.Barrier();
        }

        task = _pool.Take();
        if (layer.Common is { } gated) GateHidden(gated, count, ref task);
        if (layer.Experts is { } gatedExperts)
            GateExperts(gatedExperts, count, layer.Common is { } beside ? Pieces(beside.Up.Weights.Rows) * count : 0, task);
        _pool.Barrier();
        (next, task) = (0, -1);
        if (layer.Common is { } last)
            next = MultiplyRows(worker, _hidden, count, last.Down.Weights, _branch, _shape.Embedding, next, out task, task);
        if (layer.Experts is { } lastExperts) MultiplyDown(worker, lastExperts, count, next, task);
        _pool.Barrier();
    }

    private static int Pieces(int width) => (width + GateElements - 1) / GateElements;

    private void Route(Experts experts, int count)
    {
        for (int t = _pool.Take(); t < count; t = _pool.Take())
        {
            float* ratings = _ratings + ((long)t * _shape.Experts);
            if (experts.Router.Bias is not null) _kernels.Add(ratings, experts.Router.Bias, _shape.Experts);
            _routes.Choose(t, new Span<float>(ratings, _shape.Experts),
                experts.ChoiceBias is null ? [] : new ReadOnlySpan<float>(experts.ChoiceBias, _shape.Experts));
            if (count == 1) _routes.Group(1);
            if (experts.CommonRouter is null) continue;
            float rating = _kernels.Dot(_inputs.Values + ((long)t * _inputs.Stride), experts.CommonRouter, _shape.Embedding);
            _commonWeights[t] = 1 / (1 + MathF.Exp(-rating));
        }
    }

    /// <summary>Copies each token's inputs to the slots of its experts.</summary>
    private void Gather(Experts experts, int count)
    {
        bool quantized = Reads8Bit(experts.Gate[0], experts.Up[0]), floats = !Reads8Bit(experts.Gate[0]) || !Reads8Bit(experts.Up[0]);
        int slots = count * _shape.ExpertsUsed;
        for (int slot = _pool.Take(); slot < slots; slot = _pool.Take())
            _gathered.Take(slot, _inputs, _routes.TokenOf(slot), floats, quantized);
    }

    private void MultiplyUp(int worker, Experts experts, int count)
    {
        int rows = _shape.ExpertFeedForward, chunk = ExpertChunk(count, 2L * rows), chunks = (rows + chunk - 1) / chunk;
        Activations inputs = _slices[worker];
        for (int task = _pool.Take(); task < _routes.ActiveCount * 2 * chunks; task = _pool.Take())
        {
            (int expert, int slot, int slots) = _routes.Active(task / (2 * chunks));
            int rest = task % (2 * chunks), first = rest % chunks * chunk;
            bool isGate = rest < chunks;
            inputs.PointTo(count > 1 ? _gathered : _inputs, count > 1 ? slot : 0);
            _kernels.Multiply((isGate ? experts.Gate : experts.Up)[expert].Weights, first, Math.Min(chunk, rows - first), inputs, slots,
                (isGate ? _expertGate : _expertUp) + ((long)slot * rows), rows, _scratch[worker]);
        }
    }

    private void MultiplyDown(int worker, Experts experts, int count, int firstTask, int taken)
    {
        int rows = _shape.Embedding, chunk = ExpertChunk(count, rows), chunks = (rows + chunk - 1) / chunk;
        Activations inputs = _slices[worker];
        int end = firstTask + (_routes.ActiveCount * chunks);
        for (int task = taken >= 0 ? taken : _pool.Take(); task < end; task = _pool.Take())
        {
            (int expert, int slot, int slots) = _routes.Active((task - firstTask) / chunks);
            int first = (task - firstTask) % chunks * chunk;
            inputs.PointTo(_expertHidden, slot);
            _kernels.Multiply(experts.Down[expert].Weights, first, Math.Min(chunk, rows - first), inputs, slots,
                _expertResults + ((long)slot * rows), rows, _scratch[worker]);
        }
    }

    /// <summary>Rows that a worker takes at once; a few tasks per worker even out a busy core.</summary>
    private int ExpertChunk(int count, long rowsPerExpert) => count > 1 ? PanelRows
        : (int)Math.Clamp(_routes.ActiveCount * rowsPerExpert / (_pool.Size * 8) / 16 * 16, 16, 1024);

    private void GateExperts(Experts experts, int count, int firstTask, int task)
    {
        int width = _shape.ExpertFeedForward, pieces = Pieces(width), end = firstTask + (count * _shape.ExpertsUsed * pieces);
        bool quantize = Reads8Bit(experts.Down[0]), clamps = _shape.Architecture.Experts is { ClampsGate: true };
        for (; task < end; task = _pool.Take())
        {
            int slot = (task - firstTask) / pieces, first = (task - firstTask) % pieces * GateElements;
            int length = Math.Min(GateElements, width - first), expert = _routes.ExpertOf(slot);
            float* gate = _expertGate + ((long)slot * width) + first;
            float* up = _expertUp + ((long)slot * width) + first;
            if (experts.Gate[expert].Bias is not null) _kernels.Add(gate, experts.Gate[expert].Bias + first, length);
            if (experts.Up[expert].Bias is not null) _kernels.Add(up, experts.Up[expert].Bias + first, length);
            if (clamps) Clamp(new Span<float>(gate, length), new Span<float>(up, length));
            _kernels.Gate(gate, up, _expertHidden.Values + ((long)slot * _expertHidden.Stride) + first, length, _shape.Architecture.Gelu);
            if (quantize) _kernels.Quantize(_expertHidden, slot, first, length);
        }
    }

    /// <summary>Makes g · σ(1.702 g) · (u + 1) of limited g and u a plain gate: SiLU(1.702 g) · (u + 1) / 1.702.</summary>
    private static void Clamp(Span<float> gate, Span<float> up)
    {
        TensorPrimitives.Min(gate, GateLimit, gate);
        TensorPrimitives.Multiply(gate, GateSlope, gate);
        TensorPrimitives.Clamp(up, -GateLimit, GateLimit, up);
        TensorPrimitives.Add(up, 1, up);
        TensorPrimitives.Divide(up, GateSlope, up);
    }

    /// <summary>Adds the experts' results to a token's branch, which holds what the common part gave, or nothing.</summary>
    private void Combine(Layer layer, Experts experts, int token, Span<float> branch)
    {
        if (layer.Common is null) branch.Clear();
        else if (experts.CommonRouter is not null) TensorPrimitives.Multiply(branch, _commonWeights[token], branch);
        ReadOnlySpan<int> slots = _routes.SlotsOf(token);
        ReadOnlySpan<float> weights = _routes.WeightsOf(token);
        for (int i = 0; i < slots.Length; i++)
        {
            float* result = _expertResults + ((long)slots[i] * branch.Length);
            if (experts.Down[_routes.ExpertOf(slots[i])].Bias is var bias && bias is not null) _kernels.Add(result, bias, branch.Length);
            TensorPrimitives.MultiplyAdd(new ReadOnlySpan<float>(result, branch.Length), weights[i], branch, branch);
        }
    }
}
