using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Elements of a codebook type: levels and signs stay apart.</summary>
/// <typeparam name="TBlock">The type.</typeparam>
internal unsafe struct CodebookGroup<TBlock> : IGroup
    where TBlock : struct, ICodebookBlock
{
    static bool IGroup.HasMinima => !TBlock.HasSigns;

    static byte* IGroup.Entries => TBlock.Entries;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint* IGroup.Signs(byte* block, uint* room) => TBlock.Signs(block, room);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> IGroup.Products(byte* block, byte* entries, int group, uint* signs, sbyte* inputs)
    {
        Vector256<sbyte> x = Vector256.Load(inputs + (32 * group));
        if (TBlock.HasSigns) x = CodebookSteps.Negate(x, CodebookSteps.Mask(signs + group));
        return Steps.Sums8(TBlock.Levels(entries, block, group), x);
    }
}
