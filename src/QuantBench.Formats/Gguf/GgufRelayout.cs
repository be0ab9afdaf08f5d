namespace QuantBench.Formats.Gguf;

/// <summary>
/// Writes GGUF models anew as one file of the usual alignment. llama.cpp aborts on tensors that don't start at multiples of 32 bytes, and
/// other alignments are read by few.
/// </summary>
public static class GgufRelayout
{
    private const int PieceBytes = 4 << 20;
    private const string SplitKeys = "split.";

    /// <summary>Whether a model's files are laid out in a way that not every engine reads.</summary>
    /// <param name="model">The model.</param>
    public static bool IsNeeded(GgufReader model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Header.Alignment != GgufConstants.DefaultAlignment;
    }

    /// <summary>Writes a model with the same metadata and tensors.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">File to write; replaced if it is there.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    public static void Write(GgufReader model, string path, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(progress);
        var metadata = new GgufMetadata(path);
        foreach ((string key, object value) in model.Metadata)
        {
            if (key != GgufConstants.Alignment && !key.StartsWith(SplitKeys, StringComparison.Ordinal)) metadata.Add(key, value);
        }

        using var writer = new GgufWriter(File.Create(path), metadata,
            [.. model.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
        long total = Math.Max(1, model.TensorBytes), done = 0;
        foreach (GgufTensorInfo tensor in model.Tensors)
        {
            for (long at = 0; at < tensor.ByteSize; at += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ReadOnlySpan<byte> piece = model.Span(tensor, at, (int)Math.Min(PieceBytes, tensor.ByteSize - at));
                writer.Append(piece);
                done += piece.Length;
                progress.Report((double)done / total);
            }
        }

        writer.Complete();
    }
}
