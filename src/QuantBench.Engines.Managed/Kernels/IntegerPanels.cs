using System.Runtime.Intrinsics;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Panels of small integers for products with many tokens. Sixteen rows are unpacked once and laid out so that one vector holds the same
/// few columns of all rows: a token's bytes are then broadcast, every lane sums its own row, and no sum across lanes is needed. Unsigned
/// types hold 4 columns of a row in 32 bits, signed ones 2 columns as 16-bit numbers.
/// </summary>
internal static unsafe class IntegerPanels
{
    /// <summary>Rows of a panel: one per 32-bit lane of the widest vector.</summary>
    public const int Rows = 16;

    /// <summary>Whether the type has integer kernels.</summary>
    public static bool Knows(GgmlType type) => type is GgmlType.Q4_0 or GgmlType.Q4_1 or GgmlType.Q5_0 or GgmlType.Q5_1 or GgmlType.Q8_0
        or GgmlType.Q2_K or GgmlType.Q3_K or GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q6_K or GgmlType.IQ4_NL or GgmlType.IQ4_XS
        or GgmlType.MXFP4 or GgmlType.TQ1_0 or GgmlType.TQ2_0 or GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS
        or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S or GgmlType.NVFP4 or GgmlType.Q1_0 or GgmlType.Q2_0;

    /// <summary>Whether the type's panels hold 16-bit numbers.</summary>
    public static bool IsSigned(GgmlType type) => type is GgmlType.Q8_0 or GgmlType.IQ4_NL or GgmlType.IQ4_XS;

    /// <summary>Unpacks rows into the worker's panel; rows behind the matrix' end become zeros.</summary>
    /// <typeparam name="TBlock">The type.</typeparam>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Rows that exist, 1 to 16.</param>
    /// <param name="scratch">Holds the panel.</param>
    public static void Unpack<TBlock>(WeightMatrix weights, int first, int rows, WorkerScratch scratch)
        where TBlock : struct, IWeightBlock
    {
        int columns = weights.Columns;
        int subs = columns / TBlock.SubElements;
        for (int r = 0; r < Rows; r++)
        {
            if (r < rows)
            {
                UnpackRow<TBlock>(weights.Row(first + r), columns, scratch);
            }
            else
            {
                new Span<byte>(scratch.RowBytes, columns).Clear();
                new Span<float>(scratch.RowScales, subs).Clear();
                new Span<float>(scratch.RowMinima, subs).Clear();
            }

            if (TBlock.Signed) SpreadWide((sbyte*)scratch.RowBytes, columns, (int*)scratch.Panel + r);
            else Spread((int*)scratch.RowBytes, columns / 4, (int*)scratch.Panel + r);
            Spread((int*)scratch.RowScales, subs, (int*)scratch.Scales + r);
            if (!TBlock.Signed) Spread((int*)scratch.RowMinima, subs, (int*)scratch.Minima + r);
        }
    }

    private static void UnpackRow<TBlock>(byte* row, int columns, WorkerScratch scratch)
        where TBlock : struct, IWeightBlock
    {
        byte* bytes = scratch.RowBytes;
        float* scales = scratch.RowScales;
        float* minima = scratch.RowMinima;
        for (int i = 0; i < columns; i += TBlock.Elements)
        {
            TBlock.Scales(row, scales, minima);
            TBlock.Quants(row, 0).Store(bytes);
            if (TBlock.Elements >= 64) TBlock.Quants(row, 1).Store(bytes + 32);
            if (TBlock.Elements >= 128)
            {
                TBlock.Quants(row, 2).Store(bytes + 64);
                TBlock.Quants(row, 3).Store(bytes + 96);
            }

            if (TBlock.Elements == 256)
            {
                TBlock.Quants(row, 4).Store(bytes + 128);
                TBlock.Quants(row, 5).Store(bytes + 160);
                TBlock.Quants(row, 6).Store(bytes + 192);
                TBlock.Quants(row, 7).Store(bytes + 224);
            }

            row += TBlock.Bytes;
            bytes += TBlock.Elements;
            scales += TBlock.Elements / TBlock.SubElements;
            minima += TBlock.Elements / TBlock.SubElements;
        }
    }

    private static void Spread(int* source, int count, int* target)
    {
        for (int i = 0; i < count; i++) target[i * Rows] = source[i];
    }

    private static void SpreadWide(sbyte* source, int columns, int* target)
    {
        for (int i = 0; i < columns; i += 8)
        {
            // Eight columns as 16-bit numbers are four pairs.
            Vector128<int> pairs = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(source + i)).AsSByte()).AsInt32();
            int* at = target + (i / 2 * Rows);
            at[0] = pairs[0];
            at[Rows] = pairs[1];
            at[2 * Rows] = pairs[2];
            at[3 * Rows] = pairs[3];
        }
    }
}
