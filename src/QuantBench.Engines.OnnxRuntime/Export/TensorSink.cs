using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Where tensors are filled: the writer, with progress and cancellation.</summary>
/// <param name="writer">The model's writer.</param>
/// <param name="progress">Receives 0 to 1.</param>
/// <param name="cancellationToken">Stops between pieces.</param>
internal sealed class TensorSink(OnnxWriter writer, IProgress<double> progress, CancellationToken cancellationToken)
{
    private const long ReportBytes = 4 << 20;

    private long _done;
    private long _reported;

    /// <summary>Appends bytes to a tensor.</summary>
    public void Append(string tensor, ReadOnlySpan<byte> bytes)
    {
        cancellationToken.ThrowIfCancellationRequested();
        writer.Append(tensor, bytes);
        _done += bytes.Length;
        if (_done - _reported < ReportBytes) return;
        _reported = _done;
        progress.Report(Math.Min(1, (double)_done / Math.Max(1, writer.DataBytes)));
    }
}
