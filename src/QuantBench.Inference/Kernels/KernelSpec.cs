using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Formats.Gguf;

namespace QuantBench.Inference.Kernels;

/// <summary>One kernel to time: an operation on a matrix of one block type.</summary>
/// <param name="Op">What is done.</param>
/// <param name="Type">Block type of the weights.</param>
/// <param name="Size">Output by input features; input features are a whole number of blocks.</param>
/// <param name="Tokens">Vectors multiplied at once; 1 unless <paramref name="Op"/> is <see cref="KernelOp.MatMat"/>.</param>
/// <param name="Cold">Whether weights come from memory: enough copies take turns to overflow the caches. Otherwise one copy is used again
/// and again.</param>
public sealed record KernelSpec(KernelOp Op, GgmlType Type, MatrixSize Size, int Tokens, bool Cold)
{
    /// <summary>Bytes of the weights as a file holds them.</summary>
    public long WeightBytes => GgmlTypes.ByteSize(Type, Size.Elements);

    /// <summary>Bytes that must be read and written, each counted once: the weights, float inputs and float outputs.</summary>
    public long Bytes =>
        WeightBytes + (sizeof(float) * (Op == KernelOp.Dequantize ? Size.Elements : Tokens * ((long)Size.Rows + Size.Columns)));

    /// <summary>Floating-point operations: a multiplication and an addition per weight and token; 0 for decoding, where their number
    /// depends on the type.</summary>
    public long Operations => Op == KernelOp.Dequantize ? 0 : 2 * Size.Elements * Tokens;

    /// <summary>The name of an operation in settings.</summary>
    public static string NameOf(KernelOp op) => op.ToString().ToLowerInvariant();

    /// <summary>Reads a cell of the workload <c>kernel</c>.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="reason">Why it describes no kernel; null when it does.</param>
    /// <returns>The kernel, or null.</returns>
    public static KernelSpec? Of(Cell cell, out string? reason)
    {
        ArgumentNullException.ThrowIfNull(cell);
        CellSettings settings = cell.Settings;
        reason = null;
        GgmlTypeInfo? type = GgmlTypes.All.FirstOrDefault(t => t.Name == cell.Variant.Scheme.Name);
        if (cell.Variant.Format != Core.Variants.QuantSchemes.BlockTypeFormat || type is null) reason = $"{cell.Variant} is no block type";
        else if (!Enum.TryParse(settings.Text("op"), ignoreCase: true, out KernelOp op) || !Enum.IsDefined(op))
            reason = $"there is no op '{settings.Text("op")}'";
        else if (!MatrixSize.TryParse(settings.Text("shape"), out MatrixSize size))
            reason = $"'{settings.Text("shape")}' is no shape: {MatrixSize.Rule}";
        else if (size.Columns % type.BlockElements != 0)
            reason = $"rows of {size.Columns} weights aren't a whole number of {type.Name}'s blocks of {type.BlockElements}";
        else return new KernelSpec(op, type.Type, size, op == KernelOp.MatMat ? checked((int)settings.Int("tokens")) : 1,
            settings.Text("cache") != "hot");
        return null;
    }
}
