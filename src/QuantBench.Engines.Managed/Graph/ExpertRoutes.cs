using QuantBench.Models.Architectures;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>
/// Which experts each token of a micro-batch uses, and how much. Grouped by expert, so that all tokens of one share the reading of its
/// weights: a slot is one token's place in an expert's group.
/// </summary>
/// <param name="shape">The model's sizes; it has experts.</param>
/// <param name="capacity">Most tokens of a micro-batch.</param>
internal sealed class ExpertRoutes(DecoderShape shape, int capacity)
{
    // What llama.cpp doesn't divide by less than: the smallest normal half.
    private const float LeastSum = 6.103515625e-5f;

    private readonly int _used = shape.ExpertsUsed;
    private readonly ExpertRouting _routing = shape.Routing;
    private readonly bool[] _open = new bool[shape.Routing.Groups > 1 ? capacity * shape.Routing.Groups : 0];
    private readonly int[] _chosen = new int[capacity * shape.ExpertsUsed];
    private readonly float[] _weights = new float[capacity * shape.ExpertsUsed];
    private readonly int[] _slots = new int[capacity * shape.ExpertsUsed];
    private readonly int[] _slotTokens = new int[capacity * shape.ExpertsUsed];
    private readonly int[] _slotExperts = new int[capacity * shape.ExpertsUsed];
    private readonly int[] _next = new int[shape.Experts + 1];
    private readonly int[] _active = new int[shape.Experts];
    private readonly int[] _starts = new int[shape.Experts + 1];

    /// <summary>Experts that any token uses.</summary>
    public int ActiveCount { get; private set; }

    /// <summary>An expert that is used.</summary>
    /// <param name="active">0 to <see cref="ActiveCount"/> − 1.</param>
    /// <returns>Its number, and its first slot and their count.</returns>
    public (int Expert, int FirstSlot, int Count) Active(int active) =>
        (_active[active], _starts[active], _starts[active + 1] - _starts[active]);

    /// <summary>Slots of the experts that a token uses, in the order of their rating.</summary>
    /// <param name="token">The token.</param>
    public ReadOnlySpan<int> SlotsOf(int token) => _slots.AsSpan(token * _used, _used);

    /// <summary>What their results are multiplied by.</summary>
    /// <param name="token">The token.</param>
    public ReadOnlySpan<float> WeightsOf(int token) => _weights.AsSpan(token * _used, _used);

    /// <summary>The token of a slot.</summary>
    public int TokenOf(int slot) => _slotTokens[slot];

    /// <summary>The expert of a slot.</summary>
    public int ExpertOf(int slot) => _slotExperts[slot];

    /// <summary>Picks the experts of one token. Tokens may be picked for at the same time.</summary>
    /// <param name="token">Which token.</param>
    /// <param name="ratings">[experts]: the router's; replaced.</param>
    /// <param name="bias">[experts]: added for the choice alone; empty where there is none.</param>
    public void Choose(int token, Span<float> ratings, ReadOnlySpan<float> bias = default)
    {
        Span<int> chosen = _chosen.AsSpan(token * _used, _used);
        Span<float> weights = _weights.AsSpan(token * _used, _used);
        ExpertWeights kind = _routing.Weights;
        if (_routing.IsLogistic) foreach (ref float rating in ratings) rating = 1 / (1 + MathF.Exp(-rating));
        else if (kind != ExpertWeights.SoftmaxOfChosen) Softmax(ratings);
        Span<bool> open = _routing.Groups > 1 ? _open.AsSpan(token * _routing.Groups, _routing.Groups) : [];
        if (_routing.Groups > 1) OpenGroups(ratings, bias, open);
        int perGroup = ratings.Length / _routing.Groups;
        for (int i = 0; i < chosen.Length; i++)
        {
            // Ratings that are all NaN have no largest; whichever comes first is taken.
            int best = -1;
            for (int e = 0; e < ratings.Length; e++)
            {
                if ((open.IsEmpty || open[e / perGroup]) && !chosen[..i].Contains(e)
                    && (best < 0 || Choice(ratings, bias, e) > Choice(ratings, bias, best))) best = e;
            }

            (chosen[i], weights[i]) = (best, ratings[best]);
        }

        if (kind == ExpertWeights.SoftmaxOfChosen) Softmax(weights);
        if (kind == ExpertWeights.Normalised)
        {
            float sum = 0;
            foreach (float weight in weights) sum += weight;
            sum = MathF.Max(sum, LeastSum);
            foreach (ref float weight in weights) weight /= sum;
        }

        if (_routing.Scale != 1) foreach (ref float weight in weights) weight *= _routing.Scale;
    }

    /// <summary>Groups the choices of all tokens.</summary>
    /// <param name="count">Tokens.</param>
    public void Group(int count)
    {
        int total = count * _used;
        Span<int> next = _next;
        next.Clear();
        foreach (int expert in _chosen.AsSpan(0, total)) next[expert + 1]++;
        ActiveCount = 0;
        for (int e = 0; e < next.Length - 1; e++)
        {
            int first = next[e];
            if (next[e + 1] > 0)
            {
                _active[ActiveCount] = e;
                _starts[ActiveCount++] = first;
            }

            next[e + 1] += first;
        }

        _starts[ActiveCount] = total;
        for (int i = 0; i < total; i++)
        {
            int expert = _chosen[i], slot = next[expert]++;
            (_slots[i], _slotTokens[slot], _slotExperts[slot]) = (slot, i / _used, expert);
        }
    }

    private static float Choice(ReadOnlySpan<float> ratings, ReadOnlySpan<float> bias, int expert) =>
        bias.IsEmpty ? ratings[expert] : ratings[expert] + bias[expert];

    /// <summary>Opens the groups that a token sees: those whose two best experts are the best together.</summary>
    private void OpenGroups(ReadOnlySpan<float> ratings, ReadOnlySpan<float> bias, Span<bool> open)
    {
        int size = ratings.Length / open.Length;
        open.Clear();
        for (int i = 0; i < _routing.GroupsUsed; i++)
        {
            int best = -1;
            float most = 0;
            for (int g = 0; g < open.Length; g++)
            {
                if (open[g]) continue;
                float score = TwoBest(ratings.Slice(g * size, size), bias.IsEmpty ? bias : bias.Slice(g * size, size));
                if (best < 0 || score > most) (best, most) = (g, score);
            }

            open[best] = true;
        }
    }

    private static float TwoBest(ReadOnlySpan<float> ratings, ReadOnlySpan<float> bias)
    {
        float first = float.NegativeInfinity, second = float.NegativeInfinity;
        for (int e = 0; e < ratings.Length; e++)
        {
            float rating = Choice(ratings, bias, e);
            if (rating > first) (first, second) = (rating, first);
            else if (rating > second) second = rating;
        }

        return first + second;
    }

    private static void Softmax(Span<float> values)
    {
        float most = float.NegativeInfinity, sum = 0;
        foreach (float value in values) most = MathF.Max(most, value);
        foreach (ref float value in values) sum += value = MathF.Exp(value - most);
        foreach (ref float value in values) value /= sum;
    }
}
