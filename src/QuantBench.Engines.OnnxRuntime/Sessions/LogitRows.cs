using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>
/// Where the wanted rows of logits lie. A row is read where ONNX Runtime wrote it as long as no later run of the same append can overwrite
/// it; otherwise, and when it is 16-bit, it is copied.
/// </summary>
/// <param name="vocabularySize">Length of a row.</param>
/// <param name="type">Element type ONNX Runtime writes.</param>
internal sealed unsafe class LogitRows(int vocabularySize, TensorElementType type) : IDisposable
{
    private nint[] _rows = new nint[1];
    private NativeBlock? _kept;
    private int _count;

    /// <summary>Bytes of copied rows.</summary>
    public long Bytes => _kept?.Bytes ?? 0;

    /// <summary>Begins an append.</summary>
    /// <param name="rows">Wanted rows.</param>
    public void Begin(int rows)
    {
        if (rows > _rows.Length) _rows = new nint[rows];
        _count = rows;
    }

    /// <summary>Forgets all rows.</summary>
    public void Clear() => _count = 0;

    /// <summary>Notes where a row is.</summary>
    /// <param name="row">Its number.</param>
    /// <param name="source">[vocabulary] of ONNX Runtime's type.</param>
    /// <param name="stays">Whether it stays there until the next append.</param>
    public void Set(int row, nint source, bool stays)
    {
        if (type == TensorElementType.Float && stays)
        {
            _rows[row] = source;
            return;
        }

        long rowBytes = (long)vocabularySize * sizeof(float);
        if (_kept is null || _kept.Bytes < _count * rowBytes)
        {
            // Rows are copied in order of runs, and the buffer is grown before the first of them.
            _kept?.Dispose();
            _kept = new NativeBlock(_count * rowBytes);
        }

        float* target = (float*)(_kept.Pointer + row * (nint)rowBytes);
        _rows[row] = (nint)target;
        var to = new Span<float>(target, vocabularySize);
        if (type == TensorElementType.Float) new ReadOnlySpan<float>((void*)source, vocabularySize).CopyTo(to);
        else TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>((void*)source, vocabularySize), to);
    }

    /// <summary>A row.</summary>
    /// <param name="row">0 to the wanted rows − 1.</param>
    public ReadOnlySpan<float> Row(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, _count);
        return new ReadOnlySpan<float>((void*)_rows[row], vocabularySize);
    }

    /// <inheritdoc/>
    public void Dispose() => _kept?.Dispose();
}
