using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>What follows the head's product.</summary>
internal static class HeadKernels
{
    /// <summary>Soft cap of logits. Grid: (pieces).</summary>
    /// <param name="logits">[count].</param>
    /// <param name="count">How many.</param>
    /// <param name="cap">The cap.</param>
    public static void Cap(ArrayView<float> logits, long count, float cap)
    {
        long i = ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
        if (i < count) logits[i] = cap * Arithmetic.Tanh(logits[i] / cap);
    }

    /// <summary>Largest logit of a part of the vocabulary; of equal ones the first. Grid: (parts).</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="vocabulary">Number of logits.</param>
    /// <param name="values">[parts].</param>
    /// <param name="indices">[parts].</param>
    public static void ArgMaxParts(ArrayView<float> logits, int vocabulary, ArrayView<float> values, ArrayView<int> indices)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<int> sharedIndices = SharedMemory.Allocate<int>(GroupReduction.MaxThreads);
        int length = (vocabulary + Grid.DimX - 1) / Grid.DimX;
        int first = Grid.IdxX * length;
        int end = IntrinsicMath.Min(first + length, vocabulary);
        float best = -3.4e38f;
        int index = int.MaxValue;
        for (int i = first + Group.IdxX; i < end; i += Group.DimX)
        {
            if (logits[i] > best)
            {
                best = logits[i];
                index = i;
            }
        }

        index = Best(shared, sharedIndices, best, index);
        if (Group.IdxX != 0) return;
        values[Grid.IdxX] = shared[0];
        indices[Grid.IdxX] = index;
    }

    /// <summary>
    /// The best of all parts becomes the next token: it is written to where the next step reads its token, to the history, and the position
    /// moves on, all on the device. Grid: (1).
    /// </summary>
    /// <param name="values">[parts].</param>
    /// <param name="indices">[parts].</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="tokens">[1] next step's token.</param>
    /// <param name="positions">[1] next step's position.</param>
    /// <param name="history">Tokens so far.</param>
    /// <param name="step">Which of them this is.</param>
    public static void ArgMax(
        ArrayView<float> values, ArrayView<int> indices, int parts, ArrayView<int> tokens, ArrayView<int> positions, ArrayView<int> history,
        int step)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<int> sharedIndices = SharedMemory.Allocate<int>(GroupReduction.MaxThreads);
        float best = -3.4e38f;
        int index = int.MaxValue;
        for (int i = Group.IdxX; i < parts; i += Group.DimX)
        {
            if (values[i] > best)
            {
                best = values[i];
                index = indices[i];
            }
        }

        index = Best(shared, sharedIndices, best, index);
        if (Group.IdxX != 0) return;

        // Logits that are all NaN have no largest; token 0 keeps the next gather inside the vocabulary.
        if (index == int.MaxValue) index = 0;
        tokens[0] = index;
        history[step] = index;
        positions[0] += 1;
    }

    private static int Best(ArrayView<float> shared, ArrayView<int> sharedIndices, float best, int index)
    {
        int thread = Group.IdxX;
        shared[thread] = best;
        sharedIndices[thread] = index;
        Group.Barrier();
        for (int half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (thread < half)
            {
                float other = shared[thread + half];
                int otherIndex = sharedIndices[thread + half];
                if (other > shared[thread] || (other == shared[thread] && otherIndex < sharedIndices[thread]))
                {
                    shared[thread] = other;
                    sharedIndices[thread] = otherIndex;
                }
            }

            Group.Barrier();
        }

        return sharedIndices[0];
    }
}
