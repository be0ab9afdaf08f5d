using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Frames;

/// <summary>Views saved by name: one JSON file each in <c>views/</c> of the results root.</summary>
/// <param name="resultsRoot">Directory of all run folders.</param>
public sealed class SavedViews(string resultsRoot)
{
    private const string Folder = "views";

    /// <summary>Where they lie.</summary>
    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetFullPath(resultsRoot), Folder);

    /// <summary>Names of all saved views.</summary>
    public ImmutableArray<string> List() =>
        Directory.Exists(Path)
            ? [.. Directory.EnumerateFiles(Path, "*.json").Select(f => System.IO.Path.GetFileNameWithoutExtension(f))
                .Order(StringComparer.Ordinal)] : [];

    /// <summary>Saves a view; one of the same name is replaced.</summary>
    /// <exception cref="RequestException">The name can't be a file's.</exception>
    public void Save(string name, FrameView view)
    {
        string file = File(name);
        Directory.CreateDirectory(Path);
        // Written beside and moved: a reader sees the old view or the new.
        string beside = file + ".new";
        System.IO.File.WriteAllText(beside, JsonSerializer.Serialize(view, Json.Pretty));
        System.IO.File.Move(beside, file, overwrite: true);
    }

    /// <summary>Reads a view.</summary>
    /// <exception cref="RequestException">There is none of the name.</exception>
    /// <exception cref="StoreException">Its file isn't a view.</exception>
    public FrameView Load(string name)
    {
        string file = File(name);
        if (!System.IO.File.Exists(file))
            throw new RequestException($"there is no view '{name}' in {Path}.",
                List() is { IsEmpty: false } all ? DidYouMean.Hint(name, all, "views") : "Save one: quantbench frame latest … --save NAME");
        try
        {
            FrameView? view = JsonSerializer.Deserialize<FrameView>(System.IO.File.ReadAllText(file), Json.Line);
            return view is { Schema: 1 } ? view
                : throw new StoreException($"{file}: written in another schema than 1.", "Save the view again.");
        }
        catch (JsonException e)
        {
            throw new StoreException($"{file}: isn't a view: {e.Message}", "Save the view again, or remove the file.", e);
        }
    }

    private string File(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return PlainName.IsValid(name)
            ? System.IO.Path.Combine(Path, name + ".json")
            : throw new RequestException($"'{name}' can't name a view.", "Use letters, digits, '-' and '_'.");
    }
}
