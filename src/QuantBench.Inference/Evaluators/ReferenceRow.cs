using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// The reference's distribution at one position, as much of it as a file keeps: the logits of the tokens that carry the mass, to the last
/// bit (the <i>head</i>), the sum of all others (the <i>tail</i>), and a sample of the tail drawn by probability, from which its inner
/// divergence is estimated without bias. Small vocabularies are kept whole. Made anew for each position; reused by one thread.
/// </summary>
internal sealed class ReferenceRow
{
    /// <summary>Tokens whose agreement counts as the top five's.</summary>
    public const int TopCount = 5;

    /// <summary>Tokens drawn from the tail.</summary>
    public const int Samples = 32;

    /// <summary>Probability that is left to the tail where so many tokens as a head may have reach it.</summary>
    public const double TailMass = 1e-5;

    private const int LeastHead = 1024;
    private const int VocabularyPerHead = 128; // at 128 k tokens some 6 KB a row
    private const int Fixed = 4 + 8 + 8 + 4 + (4 * TopCount) + 4 + 4;

    // Logits are sorted roughly, into steps of 1/16 nat below the largest.
    private const int Steps = 1024;
    private const float StepsPerNat = 16;

    private readonly int _vocabulary;
    private readonly int _limit;
    private readonly int[] _ids;
    private readonly float[] _values;
    private readonly int[] _sampleIds = new int[Samples];
    private readonly float[] _sampleValues = new float[Samples];
    private readonly int[] _top = new int[TopCount];
    private readonly int[] _counts = new int[Steps];
    private int _count;
    private int _sampleCount;

    /// <summary>Makes room for rows of a vocabulary.</summary>
    /// <param name="vocabulary">Its size.</param>
    public ReferenceRow(int vocabulary)
    {
        _vocabulary = vocabulary;
        _limit = HeadLimit(vocabulary);
        _ids = new int[_limit];
        _values = new float[_limit];
    }

    /// <summary>Whether every logit is finite; nothing else is known of a row where one isn't.</summary>
    public bool IsFinite => float.IsFinite(Max);

    /// <summary>Whether every token is in the head.</summary>
    public bool IsWhole => _count == _vocabulary;

    /// <summary>Largest logit.</summary>
    public float Max { get; private set; }

    /// <summary>Σ exp(xᵢ − max) over the vocabulary.</summary>
    public double SumExp { get; private set; }

    /// <summary>The same over the tail; 0 when there is none.</summary>
    public double TailSum { get; private set; }

    /// <summary>Logit of the token that really follows.</summary>
    public float Target { get; private set; }

    /// <summary>ln Σ exp(xᵢ).</summary>
    public double LogSum => Max + Math.Log(SumExp);

    /// <summary>The most likely tokens, most likely first; fewer in a smaller vocabulary.</summary>
    public ReadOnlySpan<int> Top => _top.AsSpan(0, Math.Min(TopCount, _vocabulary));

    /// <summary>Tokens of the head, ascending; empty when it is whole.</summary>
    public ReadOnlySpan<int> Ids => IsWhole ? [] : _ids.AsSpan(0, _count);

    /// <summary>Logits of the head.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, _count);

    /// <summary>Tokens drawn from the tail, ascending; one may be there several times.</summary>
    public ReadOnlySpan<int> SampleIds => _sampleIds.AsSpan(0, _sampleCount);

    /// <summary>Their logits.</summary>
    public ReadOnlySpan<float> SampleValues => _sampleValues.AsSpan(0, _sampleCount);

    /// <summary>Most tokens of a head.</summary>
    /// <param name="vocabulary">Size of the vocabulary.</param>
    public static int HeadLimit(int vocabulary) => Math.Min(vocabulary, Math.Max(LeastHead, vocabulary / VocabularyPerHead));

    /// <summary>Most bytes that a row takes.</summary>
    /// <param name="vocabulary">Size of the vocabulary.</param>
    public static int MostBytes(int vocabulary) =>
        Fixed + ((HeadLimit(vocabulary) + Samples) * (sizeof(float) + 5)); // an id is at most five bytes

    /// <summary>Takes a row of logits.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="target">Token that really follows.</param>
    /// <param name="seed">Decides the sample.</param>
    public void Take(ReadOnlySpan<float> logits, int target, ulong seed)
    {
        LogPartition partition = LogitMath.Partition(logits);
        (Max, SumExp, TailSum, _sampleCount) = (partition.Max, partition.SumExp, 0, 0);
        if (!IsFinite) return;
        Target = logits[target];
        LogitMath.TopOf(logits, _top);
        TakeHead(logits);
        if (IsWhole) return;
        TailSum = Math.Max(0, SumExp - LogitMath.SumExp(Values, Max));
        if (TailSum > 0) DrawTail(logits, seed);
    }

    /// <summary>Writes the row.</summary>
    /// <param name="bytes">At least <see cref="MostBytes(int)"/>.</param>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteSingleLittleEndian(bytes, Max);
        if (!IsFinite) return 4;
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[4..], SumExp);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[12..], TailSum);
        BinaryPrimitives.WriteSingleLittleEndian(bytes[20..], Target);
        int at = 24;
        foreach (int id in _top)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes[at..], id);
            at += 4;
        }

        BinaryPrimitives.WriteInt32LittleEndian(bytes[at..], _count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[(at + 4)..], _sampleCount);
        at = Fixed;
        at += Copy(MemoryMarshal.AsBytes(Values), bytes[at..]);
        at += Copy(MemoryMarshal.AsBytes(SampleValues), bytes[at..]);
        at += WriteIds(Ids, bytes[at..]);
        return at + WriteIds(SampleIds, bytes[at..]);
    }

    /// <summary>Reads a row.</summary>
    /// <param name="bytes">What <see cref="Write"/> wrote, or anything.</param>
    /// <returns>What is wrong with it; null when nothing is.</returns>
    public string? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 4) return "it ends before it begins";
        Max = BinaryPrimitives.ReadSingleLittleEndian(bytes);
        if (!IsFinite) return null;
        if (bytes.Length < Fixed) return "it ends within its sums";
        SumExp = BinaryPrimitives.ReadDoubleLittleEndian(bytes[4..]);
        TailSum = BinaryPrimitives.ReadDoubleLittleEndian(bytes[12..]);
        Target = BinaryPrimitives.ReadSingleLittleEndian(bytes[20..]);
        for (int i = 0; i < TopCount; i++) _top[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(24 + (4 * i))..]);
        _count = BinaryPrimitives.ReadInt32LittleEndian(bytes[(Fixed - 8)..]);
        _sampleCount = BinaryPrimitives.ReadInt32LittleEndian(bytes[(Fixed - 4)..]);
        if (_count < 0 || _count > _limit || _sampleCount is < 0 or > Samples) return "it holds more tokens than a row has";
        if (!(SumExp > 0 && TailSum >= 0 && TailSum <= SumExp)) return "its sums are none";
        int floats = (_count + _sampleCount) * sizeof(float);
        if (bytes.Length < Fixed + floats) return "it ends within its logits";
        ReadOnlySpan<byte> rest = bytes[Fixed..];
        rest[..(_count * sizeof(float))].CopyTo(MemoryMarshal.AsBytes(_values.AsSpan(0, _count)));
        rest[(_count * sizeof(float))..floats].CopyTo(MemoryMarshal.AsBytes(_sampleValues.AsSpan(0, _sampleCount)));
        rest = rest[floats..];
        return ReadIds(ref rest, IsWhole ? [] : _ids.AsSpan(0, _count), 1) && ReadIds(ref rest, _sampleIds.AsSpan(0, _sampleCount), 0)
            && rest.IsEmpty ? null : "its tokens aren't those of the vocabulary";
    }

    private static int StepOf(float max, float logit) => Math.Min(Steps - 1, (int)((max - logit) * StepsPerNat));

    // Whole steps from the largest on, until the rest is small; of the step that doesn't fit any more as many tokens as still do.
    private void TakeHead(ReadOnlySpan<float> logits)
    {
        if (_limit == _vocabulary)
        {
            logits.CopyTo(_values);
            _count = _vocabulary;
            return;
        }

        Array.Clear(_counts);
        foreach (float x in logits) _counts[StepOf(Max, x)]++;
        double left = 0;
        for (int step = 0; step < Steps; step++) left += Estimate(step);
        double enough = left * TailMass;
        int end = 0, held = 0;
        for (; end < Steps && left > enough && held + _counts[end] <= _limit; end++)
        {
            held += _counts[end];
            left -= Estimate(end);
        }

        int more = left > enough && end < Steps ? _limit - held : 0;
        _count = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            int step = StepOf(Max, logits[i]);
            if (step > end || (step == end && more-- <= 0)) continue;
            _ids[_count] = i;
            _values[_count++] = logits[i];
        }

        double Estimate(int step) => _counts[step] * Math.Exp(-(step + 0.5) / StepsPerNat);
    }

    // Systematic: one random start, then equal steps of probability.
    private void DrawTail(ReadOnlySpan<float> logits, ulong seed)
    {
        const int block = 512;
        Span<float> weights = stackalloc float[block];
        double stride = TailSum / Samples, next = stride * Fraction(seed), passed = 0;
        int head = 0;
        for (int start = 0; start < logits.Length && _sampleCount < Samples; start += block)
        {
            ReadOnlySpan<float> part = logits.Slice(start, Math.Min(block, logits.Length - start));
            LogitMath.Exps(part, Max, weights);
            for (int i = 0; i < part.Length; i++)
            {
                if (head < _count && _ids[head] == start + i)
                {
                    head++;
                    continue;
                }

                passed += weights[i];
                for (; passed > next && _sampleCount < Samples; next += stride)
                {
                    _sampleIds[_sampleCount] = start + i;
                    _sampleValues[_sampleCount++] = part[i];
                }
            }
        }
    }

    // SplitMix64's finalizer: [0, 1).
    private static double Fraction(ulong seed)
    {
        ulong z = seed + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    private static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        from.CopyTo(to);
        return from.Length;
    }

    // Distances from one id to the next, seven bits a byte.
    private static int WriteIds(ReadOnlySpan<int> ids, Span<byte> bytes)
    {
        int at = 0, last = 0;
        foreach (int id in ids)
        {
            uint distance = (uint)(id - last);
            for (; distance >= 0x80; distance >>= 7) bytes[at++] = (byte)(distance | 0x80);
            bytes[at++] = (byte)distance;
            last = id;
        }

        return at;
    }

    /// <param name="bytes">What is left to read.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <param name="least">Least distance from one to the next.</param>
    private bool ReadIds(ref ReadOnlySpan<byte> bytes, Span<int> ids, int least)
    {
        int at = 0;
        long last = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            long distance = 0;
            for (int shift = 0; ; shift += 7)
            {
                if (at == bytes.Length || shift > 28) return false;
                byte b = bytes[at++];
                distance |= (long)(b & 0x7F) << shift;
                if (b < 0x80) break;
            }

            last += distance;
            if ((i > 0 && distance < least) || last >= _vocabulary) return false;
            ids[i] = (int)last;
        }

        bytes = bytes[at..];
        return true;
    }
}
