using System.Globalization;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Folders;

/// <summary>
/// Where runs go that are no longer kept: <c>.trash</c> in the results root, a folder each. Moving one back and indexing it anew brings it
/// back. How long it has lain there is counted in days that were seen to pass, since one wrong look at a clock must not empty it.
/// </summary>
/// <param name="resultsRoot">Directory of all run folders.</param>
public sealed class RunTrash(string resultsRoot)
{
    /// <summary>Days that a run stays before it is deleted.</summary>
    public const int KeptDays = 14;

    private const string Mark = "trashed"; // days counted, and when the last one was
    private static readonly TimeSpan s_day = TimeSpan.FromHours(20); // looks come once a day, a little early or late

    /// <summary>Absolute path of the trash.</summary>
    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetFullPath(resultsRoot), ".trash");

    /// <summary>Moves a run's folder into the trash.</summary>
    /// <param name="folder">The run's folder, in the results root.</param>
    /// <param name="now">When.</param>
    /// <exception cref="StoreException">The disk refused.</exception>
    public void Put(string folder, DateTimeOffset now) => DiskFault.AsStore($"{folder}: can't be moved to the trash", null, () =>
    {
        Directory.CreateDirectory(Path);
        string name = System.IO.Path.GetFileName(folder);
        string target = System.IO.Path.Combine(Path, name);
        for (int n = 2; Directory.Exists(target); n++)
            target = System.IO.Path.Combine(Path, string.Create(CultureInfo.InvariantCulture, $"{name}.{n}"));
        Write(folder, 0, now);
        Directory.Move(folder, target);
    });

    /// <summary>Counts a day for what lies in the trash, and deletes what has lain there long enough.</summary>
    /// <param name="now">Now.</param>
    /// <returns>Names of the folders deleted.</returns>
    /// <exception cref="StoreException">The disk refused.</exception>
    public IReadOnlyList<string> CountDay(DateTimeOffset now) => DiskFault.AsStore($"{Path}: can't be emptied", null, () =>
    {
        var deleted = new List<string>();
        if (!Directory.Exists(Path)) return deleted;
        foreach (string folder in Directory.GetDirectories(Path).Order(StringComparer.Ordinal))
        {
            (int days, DateTimeOffset last) = Read(folder, now);
            // However far a clock moves, a look counts one day; a clock that moved back counts none until it is a day further again.
            if (now - last < s_day)
            {
                if (now < last || days == 0) Write(folder, days, now < last ? now : last);
                continue;
            }

            if (days + 1 < KeptDays)
            {
                Write(folder, days + 1, now);
                continue;
            }

            Directory.Delete(folder, recursive: true);
            deleted.Add(System.IO.Path.GetFileName(folder));
        }

        return deleted;
    });

    private static (int Days, DateTimeOffset Last) Read(string folder, DateTimeOffset now)
    {
        string file = System.IO.Path.Combine(folder, Mark);
        return File.Exists(file) && File.ReadAllText(file).Split(' ') is [var days, var last]
            && int.TryParse(days, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
            && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? (count, DateTimeOffset.FromUnixTimeSeconds(seconds)) : (0, now); // laid there by hand: its days begin now
    }

    private static void Write(string folder, int days, DateTimeOffset last) => File.WriteAllText(System.IO.Path.Combine(folder, Mark),
        string.Create(CultureInfo.InvariantCulture, $"{days} {last.ToUnixTimeSeconds()}"));
}
