using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Rotation, the cache of keys and values as halves, and attention over it.</summary>
internal static class AttentionKernels
{
    /// <summary>Widest head.</summary>
    public const int MaxHeadWidth = 512;

    /// <summary>
    /// Adds biases to the queries, keys or values of one token, and normalises queries and keys, all heads together. Grid: (3, tokens).
    /// </summary>
    /// <param name="p">Sizes.</param>
    /// <param name="projected">[tokens, (heads + 2 · kvHeads) · headWidth]; changed.</param>
    /// <param name="bias">[(heads + 2 · kvHeads) · headWidth].</param>
    /// <param name="queryNorm">[heads · headWidth].</param>
    /// <param name="keyNorm">[kvHeads · headWidth].</param>
    public static void NormaliseProjections(AttentionParameters p, ArrayView<float> projected, ArrayView<float> bias,
        ArrayView<float> queryNorm, ArrayView<float> keyNorm)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int part = Grid.IdxX;
        int queries = p.Heads * p.HeadWidth, keys = p.KvHeads * p.HeadWidth;
        int width = part == 0 ? queries : keys;
        int first = part == 0 ? 0 : part == 1 ? queries : queries + keys;
        long at = ((long)Grid.IdxY * (queries + (2 * keys))) + first;
        float squares = 0;
        for (int i = Group.IdxX; i < width; i += Group.DimX)
        {
            float value = projected[at + i] + (p.HasBias != 0 ? bias[first + i] : 0);
            projected[at + i] = value;
            squares += value * value;
        }

        float scale = 1 / MathF.Sqrt((GroupReduction.Sum(shared, squares) / width) + p.Epsilon);
        if (part == 2) return;
        for (int i = Group.IdxX; i < width; i += Group.DimX)
            projected[at + i] = projected[at + i] * scale * (part == 0 ? queryNorm[i] : keyNorm[i]);
    }

    /// <summary>
    /// Adds biases, normalises and rotates one head of one token; queries stay where they are, keys and values go to the cache. A thread
    /// owns pairs of dimensions. Grid: (heads + 2 · key-value heads, tokens).
    /// </summary>
    /// <param name="p">Sizes.</param>
    /// <param name="projected">[tokens, (heads + 2 · kvHeads) · headWidth].</param>
    /// <param name="bias">[(heads + 2 · kvHeads) · headWidth].</param>
    /// <param name="queryNorm">[headWidth].</param>
    /// <param name="keyNorm">[headWidth].</param>
    /// <param name="angles">[contextLength, rotatedWidth]: cosine and sine of each pair.</param>
    /// <param name="positions">[tokens].</param>
    /// <param name="sequences">[tokens].</param>
    /// <param name="keys">[sequences, contextLength, kvHeads, headWidth].</param>
    /// <param name="values">Likewise.</param>
    public static void Rotate(
        AttentionParameters p, ArrayView<float> projected, ArrayView<float> bias, ArrayView<float> queryNorm, ArrayView<float> keyNorm,
        ArrayView<float> angles, ArrayView<int> positions, ArrayView<int> sequences, ArrayView<ushort> keys, ArrayView<ushort> values)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int head = Grid.IdxX, token = Grid.IdxY;
        int heads = p.Heads + (2 * p.KvHeads);
        long at = (((long)token * heads) + head) * p.HeadWidth;
        int inBias = head * p.HeadWidth;
        bool isQuery = head < p.Heads, isKey = !isQuery && head < p.Heads + p.KvHeads;
        int position = positions[token];
        float scale = 1;
        bool hasNorm = (isQuery && p.HasQueryNorm != 0) || (isKey && p.HasKeyNorm != 0);
        if (hasNorm)
        {
            float squares = 0;
            for (int i = Group.IdxX; i < p.HeadWidth; i += Group.DimX)
            {
                float value = projected[at + i] + (p.HasBias != 0 ? bias[inBias + i] : 0);
                squares += value * value;
            }

            scale = 1 / MathF.Sqrt((GroupReduction.Sum(shared, squares) / p.HeadWidth) + p.Epsilon);

        }

        int half = p.RotatedWidth >> 1;
        int kvHead = head - p.Heads - (isKey ? 0 : p.KvHeads);
        long cell = (((((long)sequences[token] * p.ContextLength) + position) * p.KvHeads) + kvHead) * p.HeadWidth;
        for (int pair = Group.IdxX; pair < p.HeadWidth >> 1; pair += Group.DimX)
        {
            bool isNeoxPair = p.Neox != 0 && pair < half;
            int first = isNeoxPair ? pair : 2 * pair;
            int second = isNeoxPair ? pair + half : (2 * pair) + 1;
            float a = projected[at + first] + (p.HasBias != 0 ? bias[inBias + first] : 0);
            float b = projected[at + second] + (p.HasBias != 0 ? bias[inBias + second] : 0);
            if (isQuery || isKey)
            {
                if (hasNorm)
                {
                    a = a * scale * (isQuery ? queryNorm[first] : keyNorm[first]);
                    b = b * scale * (isQuery ? queryNorm[second] : keyNorm[second]);
                }

                if (pair < half)
                {
                    long angle = ((long)position * p.RotatedWidth) + (2 * pair);
                    float cos = angles[angle], sin = angles[angle + 1];
                    float rotated = (a * cos) - (b * sin);
                    b = (a * sin) + (b * cos);
                    a = rotated;
                }
            }

            if (isQuery)
            {
                projected[at + first] = a;
                projected[at + second] = b;
            }
            else if (isKey)
            {
                keys[cell + first] = Arithmetic.ToHalf(a);
                keys[cell + second] = Arithmetic.ToHalf(b);
            }
            else
            {
                values[cell + first] = Arithmetic.ToHalf(a);
                values[cell + second] = Arithmetic.ToHalf(b);
            }
        }
    }

    /// <summary>
    /// Attention of one head of one token over a part of its keys, with a running softmax over blocks of as many keys as the group has
    /// threads. A thread scores one key of a block, then sums two dimensions of some of the values; narrow heads leave threads for several
    /// values at once. One part writes results, several write what <see cref="Combine"/> needs. Grid: (heads, tokens, parts). Shared
    /// memory: 6 KiB.
    /// </summary>
    /// <param name="p">Sizes.</param>
    /// <param name="projected">[tokens, (heads + 2 · kvHeads) · headWidth]: rotated queries.</param>
    /// <param name="positions">[tokens].</param>
    /// <param name="sequences">[tokens].</param>
    /// <param name="keys">[sequences, contextLength, kvHeads, headWidth] in units of eight halves.</param>
    /// <param name="values">The same layout, in units of two halves.</param>
    /// <param name="x">Receives the results: the inputs of the next product.</param>
    /// <param name="partial">[tokens, heads, parts, headWidth + 2]: sums, then the largest score and the sum of weights. Not used with one
    /// part.</param>
    /// <param name="sinks">[heads]: scores that give nothing.</param>
    public static void Attend(
        AttentionParameters p, ArrayView<float> projected, ArrayView<int> positions, ArrayView<int> sequences, ArrayView<Int4> keys,
        ArrayView<int> values,
        InputView x, ArrayView<float> partial, ArrayView<float> sinks)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<float> weights = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<float> query = SharedMemory.Allocate<float>(MaxHeadWidth);
        ArrayView<float> sums = SharedMemory.Allocate<float>(MaxHeadWidth);
        int head = Grid.IdxX, token = Grid.IdxY, part = Grid.IdxZ, parts = Grid.DimZ, thread = Group.IdxX;
        int heads = p.Heads + (2 * p.KvHeads);
        int kvHead = head / (p.Heads / p.KvHeads);
        int position = positions[token];
        long rowStride = (long)p.KvHeads * p.HeadWidth;
        long cache = ((long)sequences[token] * p.ContextLength * rowStride) + ((long)kvHead * p.HeadWidth);
        long at = (((long)token * heads) + head) * p.HeadWidth;
        float scale = p.Scale;
        if (p.Temperature != 0) scale *= 1 + (p.Temperature * Arithmetic.Log(1 + (position / p.TemperatureLength)));
        for (int i = thread; i < p.HeadWidth; i += Group.DimX) query[i] = projected[at + i] * scale;

        // Slot s sums the dimensions of pair s % pairs over every share-th value, from value s / pairs on.
        int pairs = p.HeadWidth >> 1;
        int share = IntrinsicMath.Max(Group.DimX / pairs, 1);
        for (int i = thread; i < 2 * pairs * share; i += Group.DimX) sums[i] = 0;
        Group.Barrier();
        int first = position + 1 - p.Window;
        if (first < 0) first = 0;
        int length = (position + 1 - first + parts - 1) / parts;
        first += part * length;
        int end = IntrinsicMath.Min(first + length, position + 1);
        float most = -3.0e38f, total = 0;
        if (p.HasSinks != 0 && part == 0)
        {
            most = sinks[head];
            total = 1;
        }

        for (int block = first; block < end; block += Group.DimX)
        {
            int key = block + thread;
            float score = -3.0e38f;
            if (key < end)
            {
                score = Score(query, keys, (cache + (key * rowStride)) >> 3, p.HeadWidth >> 3);
                if (p.SoftCap > 0) score = p.SoftCap * Arithmetic.Tanh(score / p.SoftCap);
            }

            float largest = IntrinsicMath.Max(most, GroupReduction.Max(shared, score));
            float correction = Arithmetic.Exp(most - largest);
            most = largest;
            float weight = key < end ? Arithmetic.Exp(score - largest) : 0;
            weights[thread] = weight;
            total = (total * correction) + GroupReduction.Sum(shared, weight);
            int count = IntrinsicMath.Min(Group.DimX, end - block);
            for (int slot = thread; slot < pairs * share; slot += Group.DimX)
            {
                int from = slot / pairs;
                float sum0 = sums[2 * slot] * correction, sum1 = sums[(2 * slot) + 1] * correction;
                long value = ((cache + ((block + from) * rowStride)) >> 1) + (slot - (from * pairs));
                long step = (share * rowStride) >> 1;
                for (int k = from; k < count; k += share, value += step)
                {
                    int two = values[value];
                    sum0 += weights[k] * Arithmetic.Half(two & 0xFFFF);
                    sum1 += weights[k] * Arithmetic.Half((two >> 16) & 0xFFFF);
                }

                sums[2 * slot] = sum0;
                sums[(2 * slot) + 1] = sum1;
            }

            Group.Barrier();
        }

        long output = ((long)token * x.Stride) + ((long)head * p.HeadWidth);
        long place = ((((long)token * p.Heads) + head) * parts + part) * (p.HeadWidth + 2);
        for (int i = thread; i < p.HeadWidth; i += Group.DimX)
        {
            float sum = 0;
            for (int s = 0; s < share; s++) sum += sums[(s * p.HeadWidth) + i];
            if (parts == 1) x.Values[output + i] = sum / total;
            else partial[place + i] = sum;
        }

        if (parts == 1 || thread != 0) return;
        partial[place + p.HeadWidth] = most;
        partial[place + p.HeadWidth + 1] = total;
    }

    /// <summary>Joins the parts of <see cref="Attend"/>. Grid: (heads, tokens).</summary>
    /// <param name="p">Sizes.</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="partial">[tokens, heads, parts, headWidth + 2].</param>
    /// <param name="x">Receives the results.</param>
    public static void Combine(AttentionParameters p, int parts, ArrayView<float> partial, InputView x)
    {
        int head = Grid.IdxX, token = Grid.IdxY;
        int width = p.HeadWidth + 2;
        long start = (((long)token * p.Heads) + head) * parts * width;
        float most = -3.0e38f;
        for (int part = 0; part < parts; part++) most = IntrinsicMath.Max(most, partial[start + (part * width) + p.HeadWidth]);
        float total = 0;
        for (int part = 0; part < parts; part++)
        {
            long at = start + (part * width) + p.HeadWidth;
            total += partial[at + 1] * Arithmetic.Exp(partial[at] - most);
        }

        long output = ((long)token * x.Stride) + ((long)head * p.HeadWidth);
        for (int i = Group.IdxX; i < p.HeadWidth; i += Group.DimX)
        {
            float sum = 0;
            for (int part = 0; part < parts; part++)
            {
                long at = start + (part * width);
                sum += partial[at + i] * Arithmetic.Exp(partial[at + p.HeadWidth] - most);
            }

            x.Values[output + i] = sum / total;
        }
    }

    private static float Score(ArrayView<float> query, ArrayView<Int4> keys, long at, int octets)
    {
        float score = 0;
        for (int o = 0; o < octets; o++)
        {
            Int4 k = keys[at + o];
            int i = 8 * o;
            score += (query[i] * Arithmetic.Half(k.X & 0xFFFF)) + (query[i + 1] * Arithmetic.Half((k.X >> 16) & 0xFFFF))
                + (query[i + 2] * Arithmetic.Half(k.Y & 0xFFFF)) + (query[i + 3] * Arithmetic.Half((k.Y >> 16) & 0xFFFF))
                + (query[i + 4] * Arithmetic.Half(k.Z & 0xFFFF)) + (query[i + 5] * Arithmetic.Half((k.Z >> 16) & 0xFFFF))
                + (query[i + 6] * Arithmetic.Half(k.W & 0xFFFF)) + (query[i + 7] * Arithmetic.Half((k.W >> 16) & 0xFFFF));
        }

        return score;
    }
}
