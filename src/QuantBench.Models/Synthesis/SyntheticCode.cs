using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Synthesis;

/// <summary>Fills a piece of a tensor.</summary>
/// <param name="first">Index of the piece's first byte in its tensor.</param>
/// <param name="piece">Receives whole elements.</param>
internal delegate void PieceFiller(long first, Span<byte> piece);

/// <summary>A tensor and how it is filled.</summary>
/// <param name="Spec">Name, type and shape.</param>
/// <param name="Fill">Fills it piece by piece, in order.</param>
internal sealed record SyntheticTensor(SafetensorsSpec Spec, PieceFiller Fill);

/// <summary>
/// How a directory's format stores a matrix of random weights: as floats, or as random quants under fixed scales, which is as fast as the
/// disk. To add a format: a class here and its line in <see cref="Of"/>.
/// </summary>
internal abstract class SyntheticCode
{
    /// <summary>Type of what isn't quantized.</summary>
    public abstract SafetensorsDType Floats { get; }

    /// <summary>The <c>format</c> that the files' headers name.</summary>
    public virtual string HeaderFormat => "pt";

    /// <summary>The code of a variant, or null when it is no directory's.</summary>
    /// <param name="variant">E.g. <c>mlx:4bit-g64</c>.</param>
    public static SyntheticCode? Of(Variant variant) => variant.Format switch
    {
        "safetensors" => new FloatCode(Enum.Parse<SafetensorsDType>(variant.Scheme.Name)),
        not "safetensors" when variant.Scheme.GroupSize == 0 => null, // float modes aren't synthesized
        "mlx" => new MlxCode(Bits(variant), GroupSize(variant)),
        "gptq" => new GptqCode(Bits(variant), GroupSize(variant)),
        "awq" => new AwqCode(GroupSize(variant)),
        _ => null,
    };

    /// <summary>The tensors of a matrix.</summary>
    /// <param name="module">Its path.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features.</param>
    /// <param name="isLinear">Whether it is a layer's; embeddings and heads aren't quantized by every format.</param>
    /// <param name="deviation">Wanted standard deviation of weights.</param>
    /// <param name="blocks">Source of random bytes and floats.</param>
    /// <exception cref="RequestException">The format can't store a matrix of this shape.</exception>
    public abstract IEnumerable<SyntheticTensor> Matrix(string module, long rows, long columns, bool isLinear, float deviation,
        SyntheticBlocks blocks);

    /// <summary>Adds the settings to <c>config.json</c>.</summary>
    public abstract void Describe(JsonObject config);

    /// <summary>Floats of a normal distribution.</summary>
    protected SyntheticTensor Plain(string name, long rows, long columns, float deviation, SyntheticBlocks blocks)
    {
        GgmlType type = GgmlTypeOf(Floats);
        return new SyntheticTensor(new SafetensorsSpec(name, Floats, [rows, columns]), (_, piece) => blocks.Fill(type, piece, deviation));
    }

    /// <summary>The same number everywhere.</summary>
    protected static SyntheticTensor Constant(string name, SafetensorsDType type, long rows, long columns, float value)
    {
        byte[] element = new byte[SafetensorsTensorInfo.SizeOf(type)];
        if (type == SafetensorsDType.F16) BinaryPrimitives.WriteHalfLittleEndian(element, (Half)value);
        else BinaryPrimitives.WriteUInt16LittleEndian(element, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
        return new SyntheticTensor(new SafetensorsSpec(name, type, [rows, columns]),
            (_, piece) => MemoryMarshal.Cast<byte, ushort>(piece).Fill(BitConverter.ToUInt16(element)));
    }

    /// <summary>The same 32-bit word everywhere.</summary>
    protected static SyntheticTensor Words(string name, long rows, long columns, uint word) =>
        new(new SafetensorsSpec(name, SafetensorsDType.I32, [rows, columns]),
            (_, piece) => MemoryMarshal.Cast<byte, uint>(piece).Fill(word));

    /// <summary>Random bits.</summary>
    protected static SyntheticTensor Random(string name, SafetensorsDType type, long rows, long columns, SyntheticBlocks blocks) =>
        new(new SafetensorsSpec(name, type, [rows, columns]), (_, piece) => blocks.Fill(piece));

    /// <summary>Standard deviation of evenly distributed whole numbers of some bits.</summary>
    protected static float Spread(int bits) => MathF.Sqrt(((1 << (2 * bits)) - 1) / 12f);

    private static GgmlType GgmlTypeOf(SafetensorsDType type) =>
        type switch { SafetensorsDType.F32 => GgmlType.F32, SafetensorsDType.F16 => GgmlType.F16, _ => GgmlType.BF16 };

    // Scheme names are "4bit-g64", or "4bit-channel" for one group per row.
    private static int Bits(Variant variant) =>
        int.Parse(variant.Scheme.Name[..variant.Scheme.Name.IndexOf("bit", StringComparison.Ordinal)], CultureInfo.InvariantCulture);

    private static int GroupSize(Variant variant) => variant.Scheme.Name.LastIndexOf("-g", StringComparison.Ordinal) is var at and > 0
        ? int.Parse(variant.Scheme.Name[(at + 2)..], CultureInfo.InvariantCulture)
        : -1;

    private sealed class FloatCode(SafetensorsDType type) : SyntheticCode
    {
        public override SafetensorsDType Floats => type;

        public override IEnumerable<SyntheticTensor> Matrix(string module, long rows, long columns, bool isLinear, float deviation,
            SyntheticBlocks blocks) =>
            [Plain($"{module}.weight", rows, columns, deviation, blocks)];

        public override void Describe(JsonObject config)
        {
        }
    }

    /// <summary>x = scale · q + bias, embeddings and heads too; rows that aren't whole groups stay floats, as mlx-lm leaves them.</summary>
    private sealed class MlxCode(int bits, int groupSize) : SyntheticCode
    {
        public override SafetensorsDType Floats => SafetensorsDType.BF16;

        public override string HeaderFormat => "mlx";

        public override IEnumerable<SyntheticTensor> Matrix(string module, long rows, long columns, bool isLinear, float deviation,
            SyntheticBlocks blocks)
        {
            if (columns % groupSize != 0) return [Plain($"{module}.weight", rows, columns, deviation, blocks)];
            float scale = deviation / Spread(bits);
            return
            [
                Random($"{module}.weight", SafetensorsDType.U32, rows, columns * bits / 32, blocks),
                Constant($"{module}.scales", Floats, rows, columns / groupSize, scale),
                Constant($"{module}.biases", Floats, rows, columns / groupSize, -scale * ((1 << bits) - 1) / 2),
            ];
        }

        public override void Describe(JsonObject config)
        {
            config["quantization"] = new JsonObject { ["group_size"] = groupSize, ["bits"] = bits, ["mode"] = "affine" };
            config["quantization_config"] = config["quantization"]!.DeepClone(); // set on the line above
        }
    }

    /// <summary>Symmetric: the zero point is the middle, stored less one; groups in the columns' order.</summary>
    private sealed class GptqCode(int bits, int groupSize) : SyntheticCode
    {
        public override SafetensorsDType Floats => SafetensorsDType.F16;

        public override IEnumerable<SyntheticTensor> Matrix(string module, long rows, long columns, bool isLinear, float deviation,
            SyntheticBlocks blocks)
        {
            if (!isLinear) return [Plain($"{module}.weight", rows, columns, deviation, blocks)];
            int perRun = bits == 3 ? 32 : 32 / bits; // what fills whole words
            if (rows % perRun != 0 || columns % perRun != 0) throw Unfit(module, rows, columns, perRun);
            int size = groupSize == -1 ? (int)columns : groupSize;
            long groups = (columns + size - 1) / size;
            return
            [
                Random($"{module}.qweight", SafetensorsDType.I32, columns * bits / 32, rows, blocks),
                Zeros($"{module}.qzeros", groups, rows * bits / 32),
                Constant($"{module}.scales", Floats, groups, rows, deviation / Spread(bits)),
                new(new SafetensorsSpec($"{module}.g_idx", SafetensorsDType.I32, [columns]), (first, piece) =>
                {
                    Span<int> groupOf = MemoryMarshal.Cast<byte, int>(piece);
                    for (int i = 0; i < groupOf.Length; i++) groupOf[i] = (int)((first / sizeof(int)) + i) / size;
                }),
            ];
        }

        /// <summary>The middle, less one, over and over as a stream of bits; of 3 bits it comes round every three words.</summary>
        private SyntheticTensor Zeros(string name, long groups, long words)
        {
            uint[] round = new uint[bits == 3 ? 3 : 1];
            for (int at = 0; at < 32 * round.Length; at++)
            {
                if (at % bits < bits - 1) round[at / 32] |= 1u << (at % 32);
            }

            return new(new SafetensorsSpec(name, SafetensorsDType.I32, [groups, words]), (first, piece) =>
            {
                Span<uint> target = MemoryMarshal.Cast<byte, uint>(piece);
                for (int i = 0; i < target.Length; i++) target[i] = round[((first / 4) + i) % round.Length];
            });
        }

        public override void Describe(JsonObject config) => config["quantization_config"] = new JsonObject
        {
            ["quant_method"] = "gptq",
            ["bits"] = bits,
            ["group_size"] = groupSize,
            ["desc_act"] = false,
            ["sym"] = true,
            ["checkpoint_format"] = "gptq",
        };
    }

    /// <summary>4 bits in the order of AWQ's GEMM kernels; the zero point is the middle, so the order of nibbles can't be seen in random
    /// words.</summary>
    private sealed class AwqCode(int groupSize) : SyntheticCode
    {
        public override SafetensorsDType Floats => SafetensorsDType.F16;

        public override IEnumerable<SyntheticTensor> Matrix(string module, long rows, long columns, bool isLinear, float deviation,
            SyntheticBlocks blocks)
        {
            if (!isLinear) return [Plain($"{module}.weight", rows, columns, deviation, blocks)];
            long size = groupSize == -1 ? columns : groupSize;
            if (rows % 8 != 0 || columns % size != 0) throw Unfit(module, rows, columns, (int)size);
            return
            [
                Random($"{module}.qweight", SafetensorsDType.I32, columns, rows / 8, blocks),
                Words($"{module}.qzeros", columns / size, rows / 8, 0x88888888),
                Constant($"{module}.scales", Floats, columns / size, rows, deviation / Spread(4)),
            ];
        }

        public override void Describe(JsonObject config) => config["quantization_config"] = new JsonObject
        {
            ["quant_method"] = "awq",
            ["bits"] = 4,
            ["group_size"] = groupSize,
            ["zero_point"] = true,
            ["version"] = "gemm",
        };
    }

    private static RequestException Unfit(string module, long rows, long columns, int parts) =>
        new($"'{module}' is [{rows}, {columns}]; this format packs it in parts of {parts}, which don't fit.",
            "Take a smaller group size or another shape.");
}
