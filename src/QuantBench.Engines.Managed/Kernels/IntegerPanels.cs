using System.Runtime.Intrinsics;

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
            TBlock.Quants<Bytes256>(row, 0, 0).Value.Store(bytes);
            if (TBlock.Elements >= 64) TBlock.Quants<Bytes256>(row, 1, 0).Value.Store(bytes + 32);
            if (TBlock.Elements >= 128)
            {
                TBlock.Quants<Bytes256>(row, 2, 0).Value.Store(bytes + 64);
                TBlock.Quants<Bytes256>(row, 3, 0).Value.Store(bytes + 96);
            }

            if (TBlock.Elements == 256)
            {
                TBlock.Quants<Bytes256>(row, 4, 0).Value.Store(bytes + 128);
                TBlock.Quants<Bytes256>(row, 5, 0).Value.Store(bytes + 160);
                TBlock.Quants<Bytes256>(row, 6, 0).Value.Store(bytes + 192);
                TBlock.Quants<Bytes256>(row, 7, 0).Value.Store(bytes + 224);
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
