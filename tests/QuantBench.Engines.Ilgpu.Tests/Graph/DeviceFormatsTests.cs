using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Ilgpu.Tests.Graph;

public sealed class DeviceFormatsTests
{
    // A new type fails here until it has a format or it is said why it has none.
    [Fact]
    public void EveryType_HasAFormat_OrAReasonAgainst()
    {
        var without = new Dictionary<GgmlType, string>
        {
            [GgmlType.IQ1_S] = "device kernels have no codebooks",
            [GgmlType.IQ1_M] = "codebook",
            [GgmlType.IQ2_XXS] = "codebook",
            [GgmlType.IQ2_XS] = "codebook",
            [GgmlType.IQ2_S] = "codebook",
            [GgmlType.IQ3_XXS] = "codebook",
            [GgmlType.IQ3_S] = "codebook",
            [GgmlType.TQ1_0] = "no kernel yet asked for",
            [GgmlType.TQ2_0] = "the same",
            [GgmlType.NVFP4] = "the same",
            [GgmlType.Q1_0] = "the same",
            [GgmlType.Q2_0] = "the same",
        };
        foreach (GgmlTypeInfo info in GgmlTypes.All)
        {
            bool found = DeviceFormats.All.TryGetValue(info.Type, out DeviceFormat? format);

            Assert.True(found == (info.HoldsWeights && !without.ContainsKey(info.Type)), info.Name);
            Assert.True(!found || format!.Planes.Sum(plane => plane.Length) == info.BlockBytes, $"{info.Name}: planes hold whole blocks");
        }
    }
}
