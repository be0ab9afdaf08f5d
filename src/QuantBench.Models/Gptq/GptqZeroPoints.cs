using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Gptq;

/// <summary>
/// Whether stored zero points are the true ones (format <c>gptq_v2</c>) or one less (<c>gptq</c>). Configurations often say nothing or the
/// wrong thing, and either reading gives weights; a model read the wrong way is off by a whole step everywhere. The weights show which it
/// is: symmetric ones have the middle as every zero point, and others have a mean near 0.
/// </summary>
internal static class GptqZeroPoints
{
    private const string Suffix = ".qzeros";
    private const int MostModules = 32;
    private const int MostRows = 64;

    /// <summary>The mean of q − zero is taken for 0 up to this; the other reading's is then at least three times as far.</summary>
    private const double NearZero = 0.25;

    /// <summary>The settings by which the weights are read.</summary>
    /// <param name="config">What the configuration says.</param>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie.</param>
    /// <exception cref="ModelFormatException">Neither configuration nor weights tell, or they contradict each other.</exception>
    public static GptqConfig Settle(GptqConfig config, SafetensorsModel model, string directory)
    {
        string[] modules = [.. model.Tensors.Keys.Where(name => name.EndsWith(Suffix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(name => name[..^Suffix.Length])];
        if (modules.Length == 0) return config;
        int step = (modules.Length + MostModules - 1) / MostModules;
        GptqMatrix[] sample = [.. modules.Where((_, i) => i % step == 0)
            .Select(module => GptqMatrix.Open(model, directory, module, config with { ZeroShift = 0 }))];
        if (OfSymmetric(sample) is { } exact) return config with { ZeroShift = exact, SaysFormat = true };
        int? seen = OfMeans(sample);
        if (seen is null && !config.SaysFormat)
        {
            throw new ModelFormatException(directory, null,
                "whether its GPTQ zero points are those of format 'gptq' or 'gptq_v2' is said nowhere and can't be seen in the weights.",
                "Add \"checkpoint_format\" to the quantization's configuration, as the tool that made the model has it.");
        }

        if (seen is not null && config.SaysFormat && seen != config.ZeroShift)
        {
            throw new ModelFormatException(directory, null,
                $"its 'checkpoint_format' is '{Name(config.ZeroShift)}', but its zero points are those of '{Name(seen.Value)}'.",
                "Put the format right in the quantization's configuration, or quantize the model again.");
        }

        return config with { ZeroShift = seen ?? config.ZeroShift, SaysFormat = true };
    }

    private static string Name(int shift) => shift == 0 ? "gptq_v2" : "gptq";

    /// <summary>Symmetric weights: all zero points are the middle, or all are one less.</summary>
    private static int? OfSymmetric(GptqMatrix[] sample)
    {
        long middle = 0, below = 0, all = 0;
        foreach (GptqMatrix matrix in sample)
        {
            foreach ((float[] zeros, _) in Rows(matrix))
            {
                int half = 1 << (matrix.Bits - 1);
                middle += zeros.Count(zero => zero == half);
                below += zeros.Count(zero => zero == half - 1);
                all += zeros.Length;
            }
        }

        return middle == all ? 0 : below == all ? 1 : null;
    }

    /// <summary>Other weights: the reading whose mean weight is 0, counted in steps. With 8 bits a step is too small to tell.</summary>
    private static int? OfMeans(GptqMatrix[] sample)
    {
        if (sample.Any(matrix => matrix.Bits > 4)) return null;
        double sum = 0, squares = 0, wrapped = 0;
        long count = 0;
        foreach (GptqMatrix matrix in sample)
        {
            float last = (1 << matrix.Bits) - 1;
            double[] total = new double[matrix.GroupCount];
            int[] members = new int[matrix.GroupCount];
            foreach ((float[] zeros, byte[] quants) in Rows(matrix))
            {
                Array.Clear(total);
                Array.Clear(members);
                ReadOnlySpan<int> groups = matrix.GroupOf;
                for (int c = 0; c < quants.Length; c++)
                {
                    total[groups[c]] += quants[c];
                    members[groups[c]]++;
                }

                for (int g = 0; g < zeros.Length; g++)
                {
                    if (members[g] == 0) continue;
                    double difference = (total[g] / members[g]) - zeros[g];
                    (sum, squares, count) = (sum + difference, squares + (difference * difference), count + 1);
                    if (zeros[g] == last) wrapped += last + 1; // It means 0 in format 'gptq'.
                }
            }
        }

        if (count == 0) return null;
        double mean = sum / count, meanOfOlder = (sum - count + wrapped) / count;
        double error = Math.Sqrt(((squares / count) - (mean * mean)) / count);
        if (5 * error > NearZero) return null;
        return Math.Abs(mean) < NearZero && Math.Abs(meanOfOlder) > 2 * NearZero ? 0
            : Math.Abs(meanOfOlder) < NearZero && Math.Abs(mean) > 2 * NearZero ? 1 : null;
    }

    /// <summary>Stored zero points and quants of some rows.</summary>
    private static IEnumerable<(float[] Zeros, byte[] Quants)> Rows(GptqMatrix matrix)
    {
        float[] scales = new float[matrix.GroupCount];
        float[] zeros = new float[matrix.GroupCount];
        byte[] quants = new byte[matrix.Columns];
        int step = Math.Max(1, matrix.Rows / MostRows);
        for (int row = 0; row < matrix.Rows; row += step)
        {
            matrix.ReadGroups(row, scales, zeros);
            matrix.ReadQuants(row, 1, quants);
            yield return (zeros, quants);
        }
    }
}
