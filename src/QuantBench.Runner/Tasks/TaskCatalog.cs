using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Tasks;

namespace QuantBench.Runner.Tasks;

/// <summary>Finds the items that a cell asks for: those of a set of our own, or of a file.</summary>
public static class TaskCatalog
{
    private const long LargestFile = 256L << 20;

    /// <summary>What decides the items of a cell; cells with the same key have the same items.</summary>
    /// <param name="cell">A cell of a task.</param>
    public static string KeyOf(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        CellSettings s = cell.Settings;
        return string.Join('\n', s.Text("set"), s.Int("items"), s.Int("seed"), s.Int("haystack"));
    }

    /// <summary>The items of a cell.</summary>
    /// <param name="settings">Its settings.</param>
    /// <param name="baseDirectory">Directory that relative paths start from: the suite's.</param>
    /// <exception cref="RequestException">There is no such set.</exception>
    /// <exception cref="SuiteException">The file has a broken item; the error names its line.</exception>
    /// <exception cref="ModelFormatException">The file is broken.</exception>
    public static TaskSet Resolve(CellSettings settings, string baseDirectory)
    {
        ArgumentNullException.ThrowIfNull(settings);
        string name = settings.Text("set");
        int items = checked((int)settings.Int("items"));
        if (TaskSettings.OwnSets.Contains(name))
            return OwnTasks.Make(name, settings.Int("seed"), Math.Max(1, items), checked((int)settings.Int("haystack")));
        string path = Path.GetFullPath(name, baseDirectory);
        if (!File.Exists(path))
        {
            throw new RequestException($"there is no set '{name}'.",
                $"Known sets: {string.Join(", ", TaskSettings.OwnSets)}. A path to a file of items works too; it starts from the suite's "
                    + "directory.");
        }

        byte[] bytes = DiskFault.AsRequest($"The items {path} can't be read", "Look at the file's rights.", () =>
            new FileInfo(path).Length <= LargestFile ? File.ReadAllBytes(path)
                : throw new RequestException($"The file {path} is larger than {LargestFile >> 20} MiB.", "Take fewer items."));
        return TaskSet.Of(TaskFileReader.Read(path, bytes, items == 0 ? int.MaxValue : items));
    }
}
