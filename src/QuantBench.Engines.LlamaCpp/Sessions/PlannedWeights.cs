using System.Globalization;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>
/// Where llama.cpp's loader puts a file's tensors: on the CPU the mapped file, and copies laid out anew of what its CPU code prefers so
/// (<c>ggml_repack_get_optimal_repack_type</c>); on a device all but the embeddings, as far as its layers go there.
/// </summary>
/// <param name="Bytes">All of them.</param>
/// <param name="MappedBytes">What stays in the mapped file.</param>
/// <param name="DeviceBytes">What lies on the device; 0 on the CPU.</param>
internal readonly record struct PlannedWeights(long Bytes, long MappedBytes, long DeviceBytes)
{
    private const string Embeddings = "token_embd.weight", Head = "output.weight", Layer = "blk.";

    private static readonly string[] s_avx512 =
        ["512", "skylakex", "cannonlake", "cascadelake", "cooperlake", "icelake", "zen4", "sapphirerapids"];

    private static readonly string[] s_avx2 = ["avx2", "haswell", "alderlake"];
    private static readonly string[] s_less = ["x64", "sse42", "sandybridge", "ivybridge", "piledriver", "avx", "none"];

    /// <summary>Plans a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isHost">Whether the CPU is the device.</param>
    /// <param name="gpuLayers">Layers on the device; −1 = all.</param>
    /// <param name="cpuVariant">Which of the CPU backends runs.</param>
    public static PlannedWeights Of(GgufReader file, bool isHost, int gpuLayers, string cpuVariant)
    {
        bool tied = file.Find(Head) is null;
        if (!isHost)
        {
            long layers = Math.Max(1, file.Tensors.Max(t => LayerOf(t) + 1));
            long first = gpuLayers < 0 ? 0 : Math.Max(0, layers - gpuLayers);
            bool all = gpuLayers < 0 || gpuLayers > layers;
            long there = file.Tensors.Where(t => LayerOf(t) is var layer && (layer >= 0 ? layer >= first : all && t.Name != Embeddings))
                .Sum(t => t.ByteSize) + (tied && all ? file.Find(Embeddings)?.ByteSize ?? 0 : 0);
            long here = file.TensorBytes - there + (tied && all ? file.Find(Embeddings)?.ByteSize ?? 0 : 0);
            return new PlannedWeights(here + there, here, there);
        }

        Predicate<GgmlType> wanted = Repacks(cpuVariant);
        bool Copied(GgufTensorInfo t) => t.Dimensions.Length is 2 or 3 && t.Dimensions[1] % 8 == 0 && wanted(t.Type)
            && t.Name.EndsWith(".weight", StringComparison.Ordinal);
        long copies = file.Tensors.Where(t => Copied(t) && (tied || t.Name != Embeddings)).Sum(t => t.ByteSize);
        long mapped = 0;
        foreach (IGrouping<int, GgufTensorInfo> part in file.Tensors.Where(t => t.Name == Embeddings || !Copied(t)).GroupBy(t => t.Part))
            mapped += part.Max(t => t.Offset + t.ByteSize) - part.Min(t => t.Offset);
        return new PlannedWeights(mapped + copies, mapped, 0);
    }

    private static int LayerOf(GgufTensorInfo tensor) => tensor.Name.StartsWith(Layer, StringComparison.Ordinal)
        && int.TryParse(tensor.Name.AsSpan(Layer.Length, Math.Max(0, tensor.Name.IndexOf('.', Layer.Length) - Layer.Length)),
            CultureInfo.InvariantCulture, out int layer) ? layer : -1;

    private static Predicate<GgmlType> Repacks(string variant)
    {
        if (ArmBase.IsSupported)
        {
            bool dot = Dp.IsSupported;
            return type => dot && type is (GgmlType.Q4_0 or GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q6_K or GgmlType.IQ4_NL
                or GgmlType.MXFP4 or GgmlType.Q8_0);
        }

        bool known = Array.Exists([.. s_avx512, .. s_avx2, .. s_less], v => variant.Contains(v, StringComparison.Ordinal));
        bool avx512 = known ? Array.Exists(s_avx512, v => variant.Contains(v, StringComparison.Ordinal)) : Avx512F.IsSupported;
        bool avx2 = avx512 || (known ? Array.Exists(s_avx2, v => variant.Contains(v, StringComparison.Ordinal)) : Avx2.IsSupported);
        return type => (avx2 && type is (GgmlType.Q4_0 or GgmlType.Q4_K or GgmlType.IQ4_NL or GgmlType.MXFP4))
            || (avx512 && type == GgmlType.Q2_K);
    }
}
