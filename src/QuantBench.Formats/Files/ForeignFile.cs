using QuantBench.Core.Errors;

namespace QuantBench.Formats.Files;

/// <summary>Files that are called as a model's are and hold something else, known by their first bytes.</summary>
internal static class ForeignFile
{
    private static ReadOnlySpan<byte> LfsFirstLine => "version https://git-lfs.github.com/spec/"u8;

    /// <summary>Refuses what a clone without Git LFS leaves in place of large files.</summary>
    /// <exception cref="ModelFormatException">It is a pointer.</exception>
    public static void RefuseLfsPointer(ReadOnlySpan<byte> start, string path)
    {
        if (start.StartsWith(LfsFirstLine))
        {
            throw new ModelFormatException(path, null, "this is a Git LFS pointer; the file itself wasn't fetched.",
                "Fetch it with 'git lfs pull'.");
        }
    }

    /// <summary>Refuses a file that is plainly of another format than its reader's.</summary>
    /// <param name="start">Its first bytes.</param>
    /// <param name="path">The file.</param>
    /// <param name="wanted">What it should be, e.g. <c>a safetensors file</c>.</param>
    /// <exception cref="ModelFormatException">It is; the message names the format.</exception>
    public static void Refuse(ReadOnlySpan<byte> start, string path, string wanted)
    {
        RefuseLfsPointer(start, path);
        (string What, string Hint)? found = Name(start);
        if (found is { } other) throw new ModelFormatException(path, 0, $"this is {other.What}, not {wanted}.", other.Hint);
    }

    private static (string What, string Hint)? Name(ReadOnlySpan<byte> start)
    {
        const string Fetch = "Fetch the file itself: a browser or a server's log-in page may have been saved in its place.";
        const string Pickle = "Save the model with safe_serialization=True; pickles run code when they are read, and aren't.";
        if (start.StartsWith("PK\x03\x04"u8)) return ("a zip archive (PyTorch saves its weights so)", Pickle);
        if (start.Length > 1 && start[0] == 0x80 && start[1] is >= 2 and <= 5) return ("a Python pickle", Pickle);
        if (start.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return ("gzip data", "Unpack it.");
        if (start.StartsWith("GGUF"u8)) return ("a GGUF file", "Give the file itself, with the ending .gguf.");
        ReadOnlySpan<byte> text = start.TrimStart(" \t\r\n"u8);
        if (text.StartsWith("<!"u8) || text.StartsWith("<html"u8) || text.StartsWith("<?xml"u8)) return ("a web page", Fetch);
        return null;
    }
}
