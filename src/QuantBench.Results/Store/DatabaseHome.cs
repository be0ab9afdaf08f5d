using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store;

/// <summary>
/// Where what lies beside run folders is kept: in the results root, or, for an account that may read the root and not write to it, in a
/// folder of its own. Such a reader has an index of its own, made from the folders, and neither the notes nor the accounts of the owner.
/// </summary>
public static class DatabaseHome
{
    private const int ReadOnlyFileSystem = 30; // EROFS

    private static readonly ConcurrentDictionary<string, string> s_known = new(StringComparer.Ordinal);

    /// <summary>The folder for a results root; made when it is a reader's and missing.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    public static string Of(string resultsRoot)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        return s_known.GetOrAdd(Path.GetFullPath(resultsRoot), Find);
    }

    /// <summary>Whether this account only reads the root.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    public static bool IsReaders(string resultsRoot) => Of(resultsRoot) != Path.GetFullPath(resultsRoot);

    private static string Find(string root)
    {
        if (!Directory.Exists(root) || MayWrite(root)) return root;
        string id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(root)))[..16];
        string[] homes =
        [
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            Path.Combine(Path.GetTempPath(), Environment.UserName),
        ];
        foreach (string home in homes.Where(h => h.Length > 0))
        {
            string own = Path.Combine(home, "quantbench", "readers", id);
            try
            {
                Directory.CreateDirectory(own);
                if (MayWrite(own)) return own;
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                // An account without a home: the next place.
            }
        }

        return root; // what needs a database says why there is none
    }

    // Tried, since permissions, access lists and mounts have no other common answer. A full disk is no lack of permission.
    private static bool MayWrite(string directory)
    {
        string probe = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $".may-write-{Guid.NewGuid():N}"));
        try
        {
            using var file = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            return true;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return e is IOException && e.HResult != ReadOnlyFileSystem;
        }
    }
}
