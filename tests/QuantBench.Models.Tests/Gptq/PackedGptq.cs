using System.Runtime.InteropServices;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Tests.Weights;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Gptq;

/// <summary>A matrix of normally distributed weights, rounded to GPTQ's code of some bits.</summary>
internal sealed class PackedGptq
{
    private const int Rows = 64;
    private const int Columns = 512;

    private readonly int _bits;
    private readonly int _groups;
    private readonly int[] _quants = new int[Columns * Rows]; // [columns, rows]
    private readonly int[] _zeros;
    private readonly byte[] _scales;

    public PackedGptq(int bits, int groupSize, bool symmetric)
    {
        (_bits, _groups) = (bits, Columns / groupSize);
        _zeros = new int[_groups * Rows];
        Half[] scales = new Half[_groups * Rows];
        float[] samples = NormalSamples.Of(Rows * Columns, bits);
        int last = (1 << bits) - 1;
        for (int r = 0; r < Rows; r++)
        {
            for (int g = 0; g < _groups; g++)
            {
                float[] weights = samples[((r * Columns) + (g * groupSize))..][..groupSize];
                float low = Math.Min(0, weights.Min()), high = Math.Max(0, weights.Max());
                if (symmetric) (low, high) = (-Math.Max(-low, high), Math.Max(-low, high));
                var scale = (Half)((high - low) / last);
                int zero = symmetric ? (last + 1) / 2 : Math.Clamp((int)MathF.Round(-low / (float)scale), 0, last);
                (scales[(g * Rows) + r], _zeros[(g * Rows) + r]) = (scale, zero);
                for (int i = 0; i < groupSize; i++)
                {
                    int column = (g * groupSize) + i;
                    int quant = Math.Clamp((int)MathF.Round(weights[i] / (float)scale) + zero, 0, last);
                    _quants[(column * Rows) + r] = quant;
                    Values[(r * Columns) + column] = (float)scale * (quant - zero);
                }
            }
        }

        _scales = MemoryMarshal.AsBytes<Half>(scales).ToArray();
    }

    /// <summary>What the code stands for, [rows, columns].</summary>
    public float[] Values { get; } = new float[Rows * Columns];

    /// <summary>Adds the tensors of a module.</summary>
    /// <param name="model">Receives them.</param>
    /// <param name="module">Its name.</param>
    /// <param name="format"><c>gptq</c>: zero points are stored less one; <c>gptq_v2</c>: as they are.</param>
    public WeightDirectory Add(WeightDirectory model, string module, string format)
    {
        int perWord = 32 / _bits, mask = (1 << _bits) - 1, less = format == "gptq" ? 1 : 0;
        uint[] quants = new uint[Columns / perWord * Rows], zeros = new uint[_groups * Rows / perWord];
        for (int c = 0; c < Columns; c++)
        {
            for (int r = 0; r < Rows; r++)
                quants[(c / perWord * Rows) + r] |= (uint)_quants[(c * Rows) + r] << (_bits * (c % perWord));
        }

        for (int i = 0; i < _zeros.Length; i++) zeros[i / perWord] |= (uint)((_zeros[i] - less) & mask) << (_bits * (i % perWord));
        return model
            .Add($"{module}.qweight", SafetensorsDType.I32, [Columns / perWord, Rows], MemoryMarshal.AsBytes<uint>(quants).ToArray())
            .Add($"{module}.qzeros", SafetensorsDType.I32, [_groups, Rows / perWord], MemoryMarshal.AsBytes<uint>(zeros).ToArray())
            .Add($"{module}.scales", SafetensorsDType.F16, [_groups, Rows], _scales);
    }
}
