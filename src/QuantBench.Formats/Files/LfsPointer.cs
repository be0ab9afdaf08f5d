using QuantBench.Core.Errors;

namespace QuantBench.Formats.Files;

/// <summary>What a clone without Git LFS leaves in place of large files.</summary>
internal static class LfsPointer
{
    private static ReadOnlySpan<byte> FirstLine => "version https://git-lfs.github.com/spec/"u8;

    /// <summary>Refuses a file by its first bytes.</summary>
    /// <exception cref="ModelFormatException">It is a pointer.</exception>
    public static void Refuse(ReadOnlySpan<byte> start, string path)
    {
        if (start.StartsWith(FirstLine))
        {
            throw new ModelFormatException(path, null, "this is a Git LFS pointer; the file itself wasn't fetched.",
                "Fetch it with 'git lfs pull'.");
        }
    }
}
