namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>How strongly each weight column was used by a calibration text: sums of squared activations per tensor.</summary>
/// <param name="Entries">Tensor name → its sums, in ordinal order of names.</param>
/// <param name="Dataset">What the calibration text calls itself.</param>
/// <param name="Chunks">Chunks it was computed on.</param>
/// <param name="ChunkTokens">Tokens per chunk.</param>
internal sealed record ImportanceMatrix(SortedDictionary<string, ImportanceEntry> Entries, string Dataset, int Chunks, int ChunkTokens);

/// <summary>Sums of one tensor.</summary>
/// <param name="Sums">Sum of squared activations, [matrices × columns]; more than one matrix only for experts.</param>
/// <param name="Counts">Rows summed, one per expert, or a single one.</param>
internal sealed record ImportanceEntry(float[] Sums, long[] Counts)
{
    /// <summary>Mean squared activation of every column, as the quantizer weighs by; 1 for an expert that never ran.</summary>
    public void Mean(Span<float> destination)
    {
        int columns = Sums.Length / Counts.Length;
        for (int m = 0; m < Counts.Length; m++)
        {
            float count = Counts[m];
            for (int i = m * columns; i < (m + 1) * columns; i++) destination[i] = count > 0 ? Sums[i] / count : 1;
        }
    }
}
