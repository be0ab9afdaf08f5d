using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Safetensors;

/// <summary>The weights of a Hugging Face directory, in one file or sharded, mapped into memory.</summary>
public sealed partial class SafetensorsModel : IDisposable
{
    /// <summary>Name of the file that holds all weights of a model that isn't sharded.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>Name of the file that says which shard holds which tensor.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly ImmutableArray<MappedFile> _parts;

    private SafetensorsModel(ImmutableArray<MappedFile> parts, ImmutableDictionary<string, SafetensorsTensorInfo> tensors) =>
        (_parts, Tensors) = (parts, tensors);

    /// <summary>Tensors of all files, by name. Of a model that reads images, too, those of its decoder, by the names that they have in a
    /// model of text alone.</summary>
    public ImmutableDictionary<string, SafetensorsTensorInfo> Tensors { get; }

    /// <summary>Absolute paths of all files, in ordinal order.</summary>
    public ImmutableArray<string> Files => [.. _parts.Select(part => part.Path)];

    /// <summary>Names of the weight files of a directory, in ordinal order: one file, or the shards that its index names.</summary>
    /// <param name="directory">A Hugging Face directory.</param>
    /// <exception cref="ModelFormatException">There are none, one is missing, or the index is broken.</exception>
    public static ImmutableArray<string> FileNames(string directory)
    {
        if (File.Exists(Path.Combine(directory, SingleFile))) return [SingleFile];
        string index = Path.Combine(directory, IndexFile);
        if (File.Exists(index)) return [.. ReadIndex(index).Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (Shards(directory) is { IsEmpty: false } shards) return shards;
        throw Directory.EnumerateFiles(directory, "*.bin").Any()
            ? new UnsupportedException(directory, "PyTorch's .bin weights are not read.", "Save the model with safe_serialization=True.")
            : new ModelFormatException(directory, null, "there are no weights in it.",
                $"The directory needs '{SingleFile}', or '{IndexFile}' with its shards.");
    }

    /// <summary>Shards whose names say that they are all of a model, where no index does.</summary>
    private static ImmutableArray<string> Shards(string directory)
    {
        Match[] names = [.. Directory.EnumerateFiles(directory, "*.safetensors")
            .Select(path => ShardName().Match(Path.GetFileName(path)))
            .Where(match => match.Success).OrderBy(match => match.Value, StringComparer.Ordinal)];
        if (names.Length == 0) return [];
        (string prefix, string count) = (names[0].Groups["prefix"].Value, names[0].Groups["count"].Value);
        ImmutableArray<string> all = [.. Enumerable.Range(1, int.Parse(count, CultureInfo.InvariantCulture))
            .Select(number => $"{prefix}-{number:D5}-of-{count}.safetensors")];
        return all.FirstOrDefault(name => !File.Exists(Path.Combine(directory, name))) is { } missing
            ? throw new ModelFormatException(directory, null, $"the shard '{missing}' is missing.", "Fetch it as well.") : all;
    }

    /// <summary>Opens the weights of a directory.</summary>
    /// <param name="directory">A Hugging Face directory.</param>
    /// <exception cref="ModelFormatException">There are no weights, a shard is missing, a file is broken, or a shard lacks a tensor
    /// that the index places there.</exception>
    public static SafetensorsModel Open(string directory)
    {
        ImmutableArray<string> names = FileNames(directory);
        string indexPath = Path.Combine(directory, IndexFile);
        Dictionary<string, string>? index = File.Exists(Path.Combine(directory, SingleFile)) || !File.Exists(indexPath) ? null
            : ReadIndex(indexPath);
        var parts = new List<MappedFile>();
        try
        {
            var tensors = ImmutableDictionary.CreateBuilder<string, SafetensorsTensorInfo>(StringComparer.Ordinal);
            for (int i = 0; i < names.Length; i++)
            {
                string path = Path.Combine(directory, names[i]);
                if (!File.Exists(path))
                    throw new ModelFormatException(directory, null, $"the weight file '{path}' is missing.", "Fetch it as well.");
                ModelLinks.Check(directory, path);
                MappedFile file = MappedFile.Open(path);
                parts.Add(file);
                SafetensorsHeader header =
                    SafetensorsHeader.Parse(file.Span(0, (int)Math.Min(file.Length, int.MaxValue)), file.Length, file.Path);
                foreach (SafetensorsTensorInfo tensor in header.Tensors)
                {
                    if (index is not null && !(index.TryGetValue(tensor.Name, out string? place) && place == names[i])) continue;
                    if (!tensors.TryAdd(tensor.Name, tensor with { Part = i }))
                        throw new ModelFormatException(path, tensor.Offset, $"the tensor '{tensor.Name}' is in two files of the model.");
                }
            }

            foreach ((string name, string place) in index ?? [])
            {
                if (!tensors.ContainsKey(name))
                {
                    throw new ModelFormatException(Path.Combine(directory, place), null,
                        $"the tensor '{name}' is missing; '{IndexFile}' says it is here.", "Fetch the model's files again.");
                }
            }

            return new SafetensorsModel([.. parts], Text(tensors.ToImmutable(), directory));
        }
        catch
        {
            foreach (MappedFile part in parts) part.Dispose();
            throw;
        }
    }

    /// <summary>Takes the decoder out of a model that reads images, too.</summary>
    private static ImmutableDictionary<string, SafetensorsTensorInfo> Text(
        ImmutableDictionary<string, SafetensorsTensorInfo> tensors, string directory)
    {
        const string Outside = "language_model.", Inside = "model.language_model.";
        static bool Starts(string name, string start) => name.StartsWith(start, StringComparison.Ordinal);
        if (!tensors.Keys.Any(name => Starts(name, Outside) || Starts(name, Inside))) return tensors;
        var text = ImmutableDictionary.CreateBuilder<string, SafetensorsTensorInfo>(StringComparer.Ordinal);
        foreach (SafetensorsTensorInfo tensor in tensors.Values)
        {
            string bare = Starts(tensor.Name, "model.") ? tensor.Name["model.".Length..] : tensor.Name;
            if (Starts(bare, "vision_tower.") || Starts(bare, "multi_modal_projector.")) continue;
            string name = Starts(tensor.Name, Inside) ? $"model.{tensor.Name[Inside.Length..]}"
                : Starts(tensor.Name, Outside) ? tensor.Name[Outside.Length..] : tensor.Name;
            if (!text.TryAdd(name, tensor with { Name = name }))
                throw new ModelFormatException(directory, null, $"the tensor '{name}' is there by two names.");
        }

        return text.ToImmutable();
    }

    /// <summary>Some bytes of a tensor, valid until this model is disposed.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">First byte, from the tensor's start.</param>
    /// <param name="length">Number of bytes.</param>
    public ReadOnlySpan<byte> Span(SafetensorsTensorInfo tensor, long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.ByteSize - length);
        return _parts[tensor.Part].Span(tensor.Offset + offset, length);
    }

    /// <summary>Tells the system that a tensor's pages aren't needed for now; reading it again is right, and slower.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    public void Release(SafetensorsTensorInfo tensor) => _parts[tensor.Part].Release(tensor.Offset, tensor.ByteSize);

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        foreach (MappedFile part in _parts) part.Dispose();
    }

    [GeneratedRegex(@"^(?<prefix>.+)-\d{5}-of-(?<count>\d{5})\.safetensors$")]
    private static partial Regex ShardName();

    private static Dictionary<string, string> ReadIndex(string path)
    {
        var places = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, ModelJson value) in ModelJson.ReadFile(path).Get("weight_map").Members())
        {
            string file = value.AsString();

            // A plain name: the index must not reach outside the model's directory.
            if (file.Length == 0 || file.AsSpan().ContainsAny("/\\\0:") || file is "." or "..")
            {
                throw new ModelFormatException(path, null,
                    $"the tensor '{name}' is said to be in '{file}', which is not a plain file name.");
            }

            places.Add(name, file);
        }

        return places.Count > 0 ? places : throw new ModelFormatException(path, null, "'weight_map' is empty.");
    }
}
