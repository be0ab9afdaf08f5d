using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.DeviceCheck;

/// <summary>The kernels between the products, each against plain loops in double precision.</summary>
internal static class GraphChecks
{
    /// <summary>The checks, by name. Each throws <see cref="CheckFailedException"/> and returns the number of results compared.</summary>
    public static IReadOnlyDictionary<string, Func<TestDevice, long>> All { get; } = new Dictionary<string, Func<TestDevice, long>>
    {
        ["round"] = Round,
        ["norm"] = Normalise,
        ["gate"] = Gate,
        ["rotate"] = Rotate,
        ["attention"] = Attend,
        ["cap"] = Cap,
        ["arg-max"] = ArgMax,
    };

    private static long Round(TestDevice device)
    {
        long compared = 0;
        foreach ((int columns, int tokens) in new[] { (32, 1), (1, 2), (96, 3), (513, 2), (4096, 1) })
        {
            if (device.IsSimulated && columns > 513) continue;
            using var inputs = new TestInputs(device, tokens, columns, new Random(columns), exact: false);
            compared += CompareRounded(device, inputs.Buffer, tokens, columns, (t, i) => inputs.Quant(t, i), inputs.Scale, "round");
        }

        return compared;
    }

    /// <summary>Rounded chunks must be the managed engine's to the last bit, given the same floats.</summary>
    private static long CompareRounded(
        TestDevice device, InputBuffer buffer, int tokens, int columns, Func<int, int, int> quant, Func<int, int, float> scale, string what)
    {
        int stride = buffer.View.Stride;
        int[] words = Download(device, buffer.View.Words, tokens * stride / 4);
        float[] scales = Download(device, buffer.View.Scales, tokens * stride / 32),
            sums = Download(device, buffer.View.HalfSums, tokens * stride / 16);
        for (int t = 0; t < tokens; t++)
        {
            for (int i = 0; i < columns; i++)
            {
                int at = (t * stride) + i;
                int q = (sbyte)(words[at / 4] >> (8 * (at % 4)));
                Require(q == quant(t, i), $"{what}: quant {i} of token {t} is {q}, should be {quant(t, i)}");
            }

            for (int half = 0; half < stride / 16; half++)
            {
                float expected = scale(t, half / 2);
                int sum = 0;
                for (int i = half * 16; i < (half * 16) + 16; i++) sum += i < columns ? quant(t, i) : 0;
                Require(scales[(t * stride / 32) + (half / 2)] == expected,
                    $"{what}: scale {half / 2} of token {t} is {scales[(t * stride / 32) + (half / 2)]:R}, should be {expected:R}");
                Require(sums[(t * stride / 16) + half] == expected * sum,
                    $"{what}: sum {half} of token {t} is {sums[(t * stride / 16) + half]:R}, should be {expected * sum:R}");
            }
        }

        return (long)tokens * columns;
    }

    private static long Normalise(TestDevice device)
    {
        long compared = 0;
        foreach ((int width, int tokens) in new[] { (64, 1), (50, 3), (1000, 2), (4096, 2) })
        {
            if (device.IsSimulated && width > 100) continue;
            for (int mask = 0; mask < 16; mask++)
            {
                if ((device.IsSimulated || width > 2000) && mask is not (0 or 15)) continue;
                compared += Normalise(device, width, tokens, (mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0, (mask & 8) != 0, 0);
            }

            for (int kind = 1; kind < 16; kind++)
            {
                if (!device.IsSimulated || kind is 8 or 7) compared += Normalise(device, width, tokens, true, true, false, false, kind);
            }
        }

        return compared;
    }

    private static long Normalise(TestDevice device, int width, int tokens, bool branches, bool hasBias, bool hasPostNorm, bool mapsRows,
        int kind)
    {
        bool subtractsMean = (kind & 1) != 0, hasNormBias = (kind & 2) != 0, branchLast = (kind & 4) != 0, omitsNorm = (kind & 8) != 0;
        const float epsilon = 1e-5f, branchScale = 0.22f;
        var random = new Random(width + tokens);
        int stride = (width + 31) / 32 * 32;
        float[] residual = Numbers(random, tokens * stride), branch = Numbers(random, tokens * stride);
        float[] bias = Numbers(random, width), postNorm = Numbers(random, width), norm = Numbers(random, width),
            normBias = Numbers(random, width);
        int[] rows = [.. Enumerable.Range(0, tokens).Select(t => mapsRows ? tokens - 1 - t : 0)];
        using MemoryBuffer1D<float, Stride1D.Dense> r = device.Upload<float>(residual), b = device.Upload<float>(branch);
        using MemoryBuffer1D<float, Stride1D.Dense> biases = device.Upload<float>(bias), post = device.Upload<float>(postNorm),
            norms = device.Upload<float>(norm), normBiases = device.Upload<float>(normBias);
        using MemoryBuffer1D<int, Stride1D.Dense> map = device.Upload<int>(rows);
        using var x = new InputBuffer(device.Memory, tokens, width);
        int perStep = device.Kernels.Threads * InputKernels.PerThread;
        device.Kernels.Normalise.Queue(
            device.Memory.Stream, device.Kernels.Groups(tokens), new NormParameters
            {
                Width = width,
                Stride = stride,
                Steps = (stride + perStep - 1) / perStep,
                Epsilon = epsilon,
                BranchScale = branchScale,
                AddsBranch = branches ? 1 : 0,
                HasBias = hasBias ? 1 : 0,
                HasPostNorm = hasPostNorm ? 1 : 0,
                MapsRows = mapsRows ? 1 : 0,
                BranchLast = branchLast ? 1 : 0,
                OmitsNorm = omitsNorm ? 1 : 0,
                SubtractsMean = subtractsMean ? 1 : 0,
                HasNormBias = hasNormBias ? 1 : 0,
                Quantizes = 1,
            }, r.View, b.View, biases.View, post.View, norms.View, normBiases.View, map.View, x.View);
        float[] values = device.Download(x.Values, tokens * stride), after = Download<float>(device, r.View, tokens * stride);
        string what = $"norm of {width} ({branches}, {hasBias}, {hasPostNorm}, {mapsRows}, {kind})";
        for (int t = 0; t < tokens; t++)
        {
            int row = mapsRows ? rows[t] : t;
            double[] sum = new double[width];
            double squares = 0;
            for (int i = 0; i < width; i++)
            {
                sum[i] = branch[(row * stride) + i] + (hasBias ? (double)bias[i] : 0);
                squares += sum[i] * sum[i];
            }

            double scale = branchScale * (hasPostNorm ? 1 / Math.Sqrt((squares / width) + epsilon) : 1);
            for (int i = 0; i < width; i++)
            {
                double before = residual[(row * stride) + i];
                sum[i] = before + (branches ? sum[i] * scale * (hasPostNorm ? postNorm[i] : 1) : 0);
                Near(after[(row * stride) + i], sum[i], 4e-6 * (1 + Math.Abs(sum[i])), $"{what}: residual {i} of token {t}");
                if (branchLast) sum[i] = before;
            }

            double mean = subtractsMean ? sum.Average() : 0;
            squares = sum.Sum(value => (value - mean) * (value - mean));
            for (int i = 0; i < width; i++)
            {
                double expected = omitsNorm ? sum[i]
                    : ((sum[i] - mean) / Math.Sqrt((squares / width) + epsilon) * norm[i]) + (hasNormBias ? normBias[i] : 0);
                Near(values[(t * stride) + i], expected, 4e-6 * (1 + Math.Abs(expected)), $"{what}: element {i} of token {t}");
            }

            for (int i = width; i < stride; i++)
                Require(values[(t * stride) + i] == 0, $"{what}: padding {i} of token {t} is {values[(t * stride) + i]}");
        }

        return ((long)tokens * width) + CompareQuantized(device, x, values, tokens, what);
    }

    /// <summary>Chunks against the managed engine's rounding of the floats that the device computed.</summary>
    private static long CompareQuantized(TestDevice device, InputBuffer x, float[] values, int tokens, string what)
    {
        int stride = x.View.Stride;
        float Scale(int t, int chunk)
        {
            float largest = 0;
            for (int i = 0; i < 32; i++) largest = Math.Max(largest, Math.Abs(values[(t * stride) + (32 * chunk) + i]));
            return largest / 127;
        }

        int Quant(int t, int i)
        {
            float largest = 0;
            for (int k = i / 32 * 32; k < (i / 32 * 32) + 32; k++) largest = Math.Max(largest, Math.Abs(values[(t * stride) + k]));
            return (int)MathF.Round(values[(t * stride) + i] * (largest > 1e-35f ? 127 / largest : 0));
        }

        return CompareRounded(device, x, tokens, stride, Quant, Scale, what);
    }

    private static long Gate(TestDevice device)
    {
        long compared = 0;
        foreach ((int width, int tokens) in new[] { (32, 1), (77, 2), (1056, 3) })
        {
            if (device.IsSimulated && width > 100) continue;
            foreach (bool gelu in new[] { false, true })
            {
                foreach ((bool hasBias, bool omits, bool squares) in new[] {
                    (false, false, false), (true, false, false), (true, true, false), (false, true, true) })
                {
                    var random = new Random(width);
                    float[] both = Numbers(random, 2 * tokens * width, 12), gateBias = Numbers(random, width),
                        upBias = Numbers(random, width);
                    using MemoryBuffer1D<float, Stride1D.Dense> source = device.Upload<float>(both), gates = device.Upload<float>(gateBias),
                        ups = device.Upload<float>(upBias);
                    using MemoryBuffer1D<int, Stride1D.Dense> noExperts = device.Upload<int>([0]);
                    using var x = new InputBuffer(device.Memory, tokens, width);
                    var parameters = new GateParameters
                    {
                        Width = width,
                        Gelu = gelu ? 1 : 0,
                        HasGateBias = hasBias ? 1 : 0,
                        HasUpBias = hasBias ? 1 : 0,
                        OmitsGate = omits ? 1 : 0,
                        SquaresRelu = squares ? 1 : 0,
                        Quantizes = 1
                    };
                    int perGroup = device.Kernels.Threads * InputKernels.PerThread;
                    device.Kernels.Gate.Queue(device.Memory.Stream,
                        device.Kernels.Groups((x.View.Stride + perGroup - 1) / perGroup, tokens),
                        parameters, source.View, gates.View, ups.View, noExperts.View, x.View);
                    float[] values = device.Download(x.Values, tokens * x.View.Stride);
                    string what = $"gate of {width} (gelu {gelu}, bias {hasBias}, alone {omits}, squared {squares})";
                    for (int t = 0; t < tokens; t++)
                    {
                        for (int i = 0; i < width; i++)
                        {
                            double g = omits ? both[(t * width) + i] + (hasBias ? upBias[i] : 0)
                                    : both[(2 * t * width) + i] + (hasBias ? gateBias[i] : 0),
                                u = omits ? 1 : both[(2 * t * width) + width + i] + (hasBias ? upBias[i] : 0);
                            double a = gelu ? 0.5 * g * (1 + Math.Tanh(0.79788456080286535588 * g * (1 + (0.044715 * g * g))))
                                : g / (1 + Math.Exp(-g));
                            if (squares) a = Math.Max(g, 0) * Math.Max(g, 0);
                            Near(values[(t * x.View.Stride) + i], a * u, 3e-6 * (Math.Max(Math.Abs(g * u), Math.Abs(a)) + 1),
                                $"{what}: element {i} of token {t}");
                        }
                    }

                    compared += ((long)tokens * width) + CompareQuantized(device, x, values, tokens, what);
                }
            }
        }

        return compared;
    }

    private static long Rotate(TestDevice device)
    {
        long compared = 0;
        foreach ((int heads, int kvHeads, int width,
            int rotated) in new[] { (4, 2, 16, 16), (3, 1, 64, 64), (8, 4, 80, 20), (2, 2, 256, 256) })
        {
            if (device.IsSimulated && width > 20) continue;
            for (int mask = 0; mask < 8; mask++)
            {
                if (device.IsSimulated && mask is not (0 or 7)) continue;
                compared += Rotate(device, heads, kvHeads, width, rotated, neox: (mask & 1) != 0, hasBias: (mask & 2) != 0,
                    hasNorms: (mask & 4) != 0);
            }
        }

        return compared;
    }

    private static long Rotate(TestDevice device, int heads, int kvHeads, int width, int rotated, bool neox, bool hasBias, bool hasNorms)
    {
        const int context = 7, sequences = 2;
        const float epsilon = 1e-6f;
        int[] positions = [5, 6, 0], owners = [1, 1, 0];
        int tokens = positions.Length, all = heads + (2 * kvHeads);
        var random = new Random(width);
        float[] projected = Numbers(random, tokens * all * width), bias = Numbers(random, all * width);
        float[] queryNorm = Numbers(random, width), keyNorm = Numbers(random, width), angles = Numbers(random, context * rotated, 1);
        using MemoryBuffer1D<float, Stride1D.Dense> p = device.Upload<float>(projected), biases = device.Upload<float>(bias);
        using MemoryBuffer1D<float, Stride1D.Dense> queryNorms = device.Upload<float>(queryNorm), keyNorms = device.Upload<float>(keyNorm),
            table = device.Upload<float>(angles);
        using MemoryBuffer1D<int, Stride1D.Dense> at = device.Upload<int>(positions), whose = device.Upload<int>(owners);
        using MemoryBuffer1D<ushort, Stride1D.Dense> keys = device.Upload<ushort>(new ushort[sequences * context * kvHeads * width]);
        using MemoryBuffer1D<ushort, Stride1D.Dense> values = device.Upload<ushort>(new ushort[sequences * context * kvHeads * width]);
        device.Kernels.Rotate.Queue(
            device.Memory.Stream, device.Kernels.Groups(all, tokens), new AttentionParameters
            {
                Heads = heads,
                KvHeads = kvHeads,
                HeadWidth = width,
                RotatedWidth = rotated,
                Neox = neox ? 1 : 0,
                ContextLength = context,
                Epsilon = epsilon,
                HasBias = hasBias ? 1 : 0,
                HasQueryNorm = hasNorms ? 1 : 0,
                HasKeyNorm = hasNorms ? 1 : 0,
            }, p.View, biases.View, queryNorms.View, keyNorms.View, table.View, at.View, whose.View, keys.View, values.View);
        float[] queries = device.Download(p, projected.Length);
        ushort[] cachedKeys = device.Download(keys, (int)keys.Length), cachedValues = device.Download(values, (int)values.Length);
        string what = $"rotate {heads}/{kvHeads} heads of {width} (neox {neox}, bias {hasBias}, norms {hasNorms})";
        for (int t = 0; t < tokens; t++)
        {
            for (int h = 0; h < all; h++)
            {
                bool isValue = h >= heads + kvHeads;
                double[] x = [
                    .. Enumerable.Range(0, width)
                        .Select(i => projected[(((t * all) + h) * width) + i] + (hasBias ? (double)bias[(h * width) + i] : 0))];
                if (!isValue)
                {
                    float[] norm = h < heads ? queryNorm : keyNorm;
                    double scale = 1 / Math.Sqrt((x.Sum(v => v * v) / width) + epsilon);
                    if (hasNorms) x = [.. x.Select((v, i) => v * scale * norm[i])];
                    for (int pair = 0; pair < rotated / 2; pair++)
                    {
                        int first = neox ? pair : 2 * pair, second = neox ? pair + (rotated / 2) : first + 1;
                        double cos = angles[(positions[t] * rotated) + (2 * pair)], sin = angles[(positions[t] * rotated) + (2 * pair) + 1];
                        (x[first], x[second]) = ((x[first] * cos) - (x[second] * sin), (x[first] * sin) + (x[second] * cos));
                    }
                }

                int cell = ((((owners[t] * context) + positions[t]) * kvHeads) + (h - heads) % kvHeads) * width;
                for (int i = 0; i < width; i++)
                {
                    double result = h < heads ? queries[(((t * all) + h) * width) + i]
                        : (double)BitConverter.UInt16BitsToHalf((isValue ? cachedValues : cachedKeys)[cell + i]);

                    // The cache keeps eleven bits; rounding may go either way when the float before it differs in its last ones.
                    double bound = (h < heads ? 4e-6 : 6e-4) * (Math.Abs(x[i]) + (h < heads ? 1 : 1e-2));
                    Near(result, x[i], bound, $"{what}: element {i} of head {h}, token {t}");
                }
            }
        }

        return (long)tokens * all * width;
    }

    private static long Attend(TestDevice device)
    {
        long compared = 0;
        foreach ((int heads, int kvHeads, int width, int last, int window, float cap) in new[]
                 {
                     (2, 1, 16, 0, int.MaxValue, 0f), // a single key
                     (4, 2, 8, 70, int.MaxValue, 0f), (4, 4, 64, 300, int.MaxValue, 0f), (6, 2, 128, 257, int.MaxValue, 5f),
                     (2, 1, 80, 200, 33, 0f), (2, 2, 512, 129, 128, 0f),
                 })
        {
            if (device.IsSimulated && width > 20) continue;
            // Whole, and in parts: of several blocks, of few keys, and more parts than keys.
            foreach (int parts in new[] { 1, 2, 7 }) compared += Attend(device, heads, kvHeads, width, last, window, cap, parts);
        }

        return compared;
    }

    private static long Attend(TestDevice device, int heads, int kvHeads, int width, int last, int window, float cap, int parts)
    {
        const int sequences = 2;
        int context = last + 1;
        int[] positions = [last, last / 2], owners = [1, 0];
        int tokens = positions.Length, all = heads + (2 * kvHeads);
        var random = new Random(width + last);
        float scale = 1 / MathF.Sqrt(width);
        float[] projected = Numbers(random, tokens * all * width, 4);
        ushort[] keys = [
            .. Numbers(random, sequences * context * kvHeads * width, 4).Select(v => BitConverter.HalfToUInt16Bits((System.Half)v))];
        ushort[] values = [.. Numbers(random, keys.Length).Select(v => BitConverter.HalfToUInt16Bits((System.Half)v))];
        using MemoryBuffer1D<float, Stride1D.Dense> p = device.Upload<float>(projected);
        using MemoryBuffer1D<int, Stride1D.Dense> at = device.Upload<int>(positions), whose = device.Upload<int>(owners);
        using MemoryBuffer1D<Int4,
            Stride1D.Dense> cachedKeys = device.Upload(System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, Int4>(keys));
        using MemoryBuffer1D<int,
            Stride1D.Dense> cachedValues = device.Upload(System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, int>(values));
        using MemoryBuffer1D<float, Stride1D.Dense> partial = device.Upload<float>(new float[tokens * heads * parts * (width + 2)]);
        using var x = new InputBuffer(device.Memory, tokens, heads * width);
        var parameters = new AttentionParameters
        {
            Heads = heads,
            KvHeads = kvHeads,
            HeadWidth = width,
            ContextLength = context,
            Window = window,
            Scale = scale,
            SoftCap = cap,
        };
        device.Kernels.Attend.Queue(
            device.Memory.Stream, device.Kernels.Groups(heads, tokens, parts), parameters, p.View, at.View, whose.View, cachedKeys.View,
            cachedValues.View, x.View, partial.View, partial.View);
        if (parts > 1)
            device.Kernels.Combine.Queue(device.Memory.Stream, device.Kernels.Groups(heads, tokens), parameters, parts, partial.View,
                x.View);
        float[] results = device.Download(x.Values, tokens * x.View.Stride);
        for (int t = 0; t < tokens; t++)
        {
            for (int h = 0; h < heads; h++)
            {
                int first = (int)Math.Max(0L, (long)positions[t] + 1 - window);
                int Cell(int position) => ((((owners[t] * context) + position) * kvHeads) + (h / (heads / kvHeads))) * width;
                double[] scores = [.. Enumerable.Range(first, positions[t] + 1 - first).Select(position =>
                {
                    double score = 0;
                    for (int i = 0; i < width; i++)
                        score += (double)projected[(((t * all) + h) * width) + i] * scale
                            * (double)BitConverter.UInt16BitsToHalf(keys[Cell(position) + i]);
                    return cap > 0 ? cap * Math.Tanh(score / cap) : score;
                })];
                double most = scores.Max(), total = scores.Sum(s => Math.Exp(s - most));
                for (int i = 0; i < width; i++)
                {
                    double expected = 0;
                    for (int k = 0; k < scores.Length; k++)
                        expected += Math.Exp(scores[k] - most) / total * (double)BitConverter.UInt16BitsToHalf(values[Cell(first + k) + i]);
                    Near(results[(t * x.View.Stride) + (h * width) + i], expected, 2e-5,
                        $"attention of {heads}/{kvHeads} heads of {width} over {scores.Length} keys: element {i} of head {h}, token {t}");
                }
            }
        }

        return (long)tokens * heads * width;
    }

    private static long Cap(TestDevice device)
    {
        float[] logits = Numbers(new Random(1), 1001, 200);
        using MemoryBuffer1D<float, Stride1D.Dense> buffer = device.Upload<float>(logits);
        device.Kernels.Cap.Queue(device.Memory.Stream, device.Kernels.Groups((1000 / device.Kernels.Threads) + 1), buffer.View, 1000, 30f);
        float[] results = device.Download(buffer, logits.Length);
        for (int i = 0; i < 1000; i++) Near(results[i], 30 * Math.Tanh(logits[i] / 30.0), 1e-4, $"cap: logit {i}");
        Require(results[1000] == logits[1000], "cap: changed a logit behind the last");
        return 1001;
    }

    private static long ArgMax(TestDevice device)
    {
        long compared = 0;
        foreach ((int vocabulary,
            int[] best) in new (int, int[])[] { (1, [0]), (63, [62]), (300, [17, 255]), (4096, [4095]), (33000, [31999, 32500, 32999]) })
        {
            if (device.IsSimulated && vocabulary > 4096) continue;
            float[] logits = Numbers(new Random(vocabulary), vocabulary);

            // Equal ones: the first wins, as in every evaluator.
            foreach (int index in best) logits[index] = 99;
            using MemoryBuffer1D<float, Stride1D.Dense> buffer = device.Upload<float>(logits),
                values = device.Upload<float>(new float[GraphKernels.ArgMaxParts]);
            using MemoryBuffer1D<int, Stride1D.Dense> indices = device.Upload<int>(new int[GraphKernels.ArgMaxParts]),
                tokens = device.Upload<int>([-1]);
            using MemoryBuffer1D<int, Stride1D.Dense> positions = device.Upload<int>([41]), history = device.Upload<int>([-1, -1, -1]);
            device.Kernels.ArgMaxOfParts.Queue(device.Memory.Stream, device.Kernels.Groups(GraphKernels.ArgMaxParts), buffer.View,
                vocabulary,
                values.View, indices.View);
            device.Kernels.ArgMax.Queue(device.Memory.Stream, device.Kernels.Groups(1), values.View, indices.View, GraphKernels.ArgMaxParts,
                tokens.View, positions.View, history.View, 1);
            Require(device.Download(tokens, 1)[0] == best[0],
                $"arg-max of {vocabulary}: {device.Download(tokens, 1)[0]}, should be {best[0]}");
            Require(device.Download(positions, 1)[0] == 42, "arg-max: the position did not move on by one");
            Require(device.Download(history, 3).SequenceEqual([-1, best[0], -1]), "arg-max: the history is wrong");
            compared++;
        }

        return compared;
    }

    private static float[] Numbers(Random random, int count, float magnitude = 2) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 2 * magnitude))];

    private static T[] Download<T>(TestDevice device, ArrayView<T> view, int count)
        where T : unmanaged
    {
        T[] values = new T[count];
        device.Memory.Read<T>(view, values);
        return values;
    }

    private static void Near(double value, double expected, double bound, string what) =>
        Require(Math.Abs(value - expected) <= bound, $"{what} is {value:R}, should be {expected:R} within {bound:G2}");

    private static void Require(bool holds, string message)
    {
        if (!holds) throw new CheckFailedException(message);
    }
}
