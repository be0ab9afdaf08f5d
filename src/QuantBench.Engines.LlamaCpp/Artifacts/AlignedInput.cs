using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>A GGUF file that llama.cpp can be given: the one asked for, or a copy laid out anew that lives as long as this.</summary>
internal sealed class AlignedInput : IDisposable
{
    private readonly string? _copy;

    /// <param name="path">The file, or the first one of a split model.</param>
    /// <param name="scratch">Where a copy may be written.</param>
    /// <param name="cancellationToken">Stops the copying.</param>
    public AlignedInput(string path, string scratch, CancellationToken cancellationToken)
    {
        using GgufReader reader = GgufReader.Open(path);
        Path = path;
        if (!GgufRelayout.IsNeeded(reader)) return;
        Path = _copy = scratch;
        GgufRelayout.Write(reader, scratch, new Progress<double>(), cancellationToken);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Deletes the copy.</summary>
    public void Dispose()
    {
        if (_copy is not null) File.Delete(_copy);
    }
}
