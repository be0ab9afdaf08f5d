using QuantBench.Core.Errors;

namespace QuantBench.Results.Store;

/// <summary>
/// Which database holds the store: by default SQLite in the results root, else what <c>--store</c> or <c>QUANTBENCH_STORE</c> names. It may
/// hold a password, so nothing of it is printed; <see cref="ResultStore.Location"/> is for people.
/// </summary>
public sealed class StoreAddress
{
    /// <summary>The environment variable that names it.</summary>
    public const string Variable = "QUANTBENCH_STORE";

    /// <summary>SQLite in the results root.</summary>
    public static readonly StoreAddress Default = new("sqlite", StoreProviders.All[0]);

    private const string Forms =
        "Write sqlite, postgres (with PGHOST, PGDATABASE, … and ~/.pgpass), postgres://user@host/database, 'Host=…;Database=…', or "
            + "file:PATH of a file that holds one of these.";
    private const string FilePrefix = "file:";
    private const int LongestFile = 16 << 10;

    private readonly IStoreProvider _provider;
    private readonly string _text;

    private StoreAddress(string text, IStoreProvider provider) => (_text, _provider) = (text, provider);

    /// <summary>Whether it is the default.</summary>
    public bool IsDefault => ReferenceEquals(_provider, StoreProviders.All[0]);

    /// <summary>Reads an address.</summary>
    /// <param name="text">The address, or <c>file:PATH</c>; null or empty for the default.</param>
    /// <exception cref="RequestException">It is none, or its file can't be read.</exception>
    public static StoreAddress Parse(string? text)
    {
        string address = text?.Trim() ?? "";
        if (address.Length == 0) return Default;
        if (address.StartsWith(FilePrefix, StringComparison.Ordinal)) address = FromFile(address[FilePrefix.Length..]);
        // A wrong address isn't repeated: it may be a password in the wrong place.
        IStoreProvider provider = StoreProviders.All.FirstOrDefault(p => p.Accepts(address))
            ?? throw new RequestException("that is no address of a store.", Forms);
        var found = new StoreAddress(address, provider);
        using (found.Open(Path.GetTempPath()))
        {
            // A fault in it is said before any work is done.
        }

        return found;
    }

    /// <summary>The address as a child process takes it in <see cref="Variable"/>; may hold a password.</summary>
    public string ForChild() => _text;

    /// <inheritdoc/>
    public override string ToString() => _provider.Name;

    internal StoreDatabase Open(string resultsRoot) => _provider.Open(Path.GetFullPath(resultsRoot), _text);

    private static string FromFile(string path)
    {
        try
        {
            string full = Path.GetFullPath(path);
            if (new FileInfo(full).Length > LongestFile)
                throw new RequestException($"{full}: is too long for the address of a store.", Forms);
            return File.ReadLines(full).Select(l => l.Trim()).FirstOrDefault(l => l.Length > 0 && l[0] != '#')
                ?? throw new RequestException($"{full}: holds no address of a store.", Forms);
        }
        catch (Exception e) when (e is ArgumentException || DiskFault.Is(e))
        {
            throw new RequestException($"{path}: can't be read: {e.Message}", "Name a file that this account can read.", e);
        }
    }
}
