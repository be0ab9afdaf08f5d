using QuantBench.Core.Errors;

namespace QuantBench.Inference.Artifacts;

/// <summary>An artifact that is a source's own file: a link to it stands in for the gigabytes of a copy. What it leads to is read and
/// hashed as any artifact is, so a source that changed shows.</summary>
public static class SourceLink
{
    /// <summary>Makes a link, where the file system has them and this account may.</summary>
    /// <param name="file">The source's file.</param>
    /// <param name="link">Where the artifact is to be.</param>
    /// <returns>False when there is none, and the file must be copied.</returns>
    public static bool TryMake(string file, string link)
    {
        ArgumentNullException.ThrowIfNull(file);
        try
        {
            // To the file itself: a link of the user's may lead elsewhere tomorrow.
            string real = new FileInfo(file).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(file);
            File.CreateSymbolicLink(link, real);
            return true;
        }
        catch (Exception e) when (DiskFault.Is(e) || e is PlatformNotSupportedException)
        {
            return false; // Windows without the privilege, a FAT disk
        }
    }

    /// <summary>Makes a link to a directory that holds an artifact's files and no others.</summary>
    /// <param name="directory">The source's directory.</param>
    /// <param name="link">Where the artifact is to be.</param>
    /// <returns>False when there is none, and the files must be copied.</returns>
    public static bool TryMakeDirectory(string directory, string link)
    {
        ArgumentNullException.ThrowIfNull(directory);
        try
        {
            string real = new DirectoryInfo(directory).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(directory);
            Directory.CreateSymbolicLink(link, real);
            return true;
        }
        catch (Exception e) when (DiskFault.Is(e) || e is PlatformNotSupportedException)
        {
            return false;
        }
    }

    /// <summary>Whether a file or directory of an artifact is such a link.</summary>
    /// <param name="path">Its path.</param>
    public static bool Is(string path) => new FileInfo(path).LinkTarget is not null;
}
