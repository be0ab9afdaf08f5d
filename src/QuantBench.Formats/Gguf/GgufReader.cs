using System.Collections.Immutable;
using System.Text.RegularExpressions;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Gguf;

/// <summary>A GGUF model on disk, whole or split, mapped into memory. Every count, length and offset was checked against the
/// file.</summary>
public sealed partial class GgufReader : IDisposable
{
    private readonly ImmutableArray<MappedFile> _parts;
    private readonly Dictionary<string, GgufTensorInfo> _byName;

    private GgufReader(ImmutableArray<MappedFile> parts, GgufHeader header, ImmutableArray<GgufTensorInfo> tensors)
    {
        _parts = parts;
        Header = header;
        Tensors = tensors;
        _byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>Header of the file, or of the first one of a split model.</summary>
    public GgufHeader Header { get; }

    /// <summary>Metadata of the file, or of the first one of a split model.</summary>
    public GgufMetadata Metadata => Header.Metadata;

    /// <summary>Tensors of all files.</summary>
    public ImmutableArray<GgufTensorInfo> Tensors { get; }

    /// <summary>Absolute paths of all files, in order.</summary>
    public ImmutableArray<string> Files => [.. _parts.Select(part => part.Path)];

    /// <summary>The architecture, e.g. <c>llama</c>; null when the file doesn't say.</summary>
    public string? Architecture => Metadata.FindString(GgufConstants.Architecture);

    /// <summary>llama_ftype number; null when the file doesn't say. Types of tensors are what counts.</summary>
    public long? FileType => Metadata.FindInteger(GgufConstants.FileType);

    /// <summary>Number of weights in all tensors.</summary>
    public long ParameterCount => Tensors.Sum(tensor => tensor.ElementCount);

    /// <summary>Bytes of all tensors, without padding.</summary>
    public long TensorBytes => Tensors.Sum(tensor => tensor.ByteSize);

    /// <summary>Bytes of all files.</summary>
    public long FileBytes => _parts.Sum(part => part.Length);

    /// <summary>Opens a model. Of a split model the first file is given, the others lie beside it.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="RequestException">The file can't be opened.</exception>
    /// <exception cref="ModelFormatException">A file isn't a valid GGUF file, or it isn't the first of a split model.</exception>
    public static GgufReader Open(string path)
    {
        var parts = new List<MappedFile>();
        try
        {
            parts.Add(MappedFile.Open(path));
            GgufHeader header = Parse(parts[0]);
            ImmutableArray<GgufTensorInfo> tensors = header.Tensors;
            long count = header.Metadata.FindInteger(GgufConstants.SplitCount) ?? 1;
            if (count > 1) tensors = OpenOtherParts(parts, header, count);
            return new GgufReader([.. parts], header, tensors);
        }
        catch
        {
            foreach (MappedFile part in parts) part.Dispose();
            throw;
        }
    }

    /// <summary>Reads the header of a file that is in memory.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">Name for messages.</param>
    /// <exception cref="ModelFormatException">It isn't a valid GGUF file.</exception>
    public static GgufHeader Read(ReadOnlySpan<byte> bytes, string file) => GgufHeaderParser.Parse(bytes, bytes.Length, file);

    /// <summary>The tensor of a name; null when there is none.</summary>
    public GgufTensorInfo? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>All bytes of a tensor, valid until this reader is disposed.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/> of at most 2 GiB.</param>
    public ReadOnlySpan<byte> Span(GgufTensorInfo tensor) => Span(tensor, 0, checked((int)tensor.ByteSize));

    /// <summary>Some bytes of a tensor, valid until this reader is disposed.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">First byte, from the tensor's start.</param>
    /// <param name="length">Number of bytes.</param>
    public ReadOnlySpan<byte> Span(GgufTensorInfo tensor, long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.ByteSize - length);
        return _parts[tensor.Part].Span(tensor.Offset + offset, length);
    }

    /// <summary>Tells the system that a tensor's pages aren't needed for now; reading it again is right, and slower.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    public void Release(GgufTensorInfo tensor) => _parts[tensor.Part].Release(tensor.Offset, tensor.ByteSize);

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        foreach (MappedFile part in _parts) part.Dispose();
    }

    private static GgufHeader Parse(MappedFile file) =>
        GgufHeaderParser.Parse(file.Span(0, (int)Math.Min(file.Length, int.MaxValue)), file.Length, file.Path);

    private static ImmutableArray<GgufTensorInfo> OpenOtherParts(List<MappedFile> parts, GgufHeader first, long count)
    {
        string path = parts[0].Path;
        Match name = SplitName().Match(Path.GetFileName(path));
        if (!name.Success || long.Parse(name.Groups["count"].Value) != count)
        {
            throw new ModelFormatException(
                path, null, $"this is one of {count} files of a split model, but its name doesn't say so.",
                $"Name the files <model>-00001-of-{count:D5}.gguf and so on, as they were published.");
        }

        string prefix = Path.Combine(Path.GetDirectoryName(path) ?? "", name.Groups["prefix"].Value);
        if (first.Metadata.FindInteger(GgufConstants.SplitNumber) is not 0)
        {
            throw new ModelFormatException(path, null, "this is not the first file of a split model.",
                $"Give '{prefix}-00001-of-{count:D5}.gguf' instead.");
        }

        ImmutableArray<GgufTensorInfo>.Builder tensors = first.Tensors.ToBuilder();
        var names = first.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        for (int part = 1; part < count; part++)
        {
            string place = $"{prefix}-{part + 1:D5}-of-{count:D5}.gguf";
            if (!File.Exists(place)) throw new ModelFormatException(path, null, $"its part '{place}' is missing.", "Fetch it as well.");
            ModelLinks.Check(Path.GetDirectoryName(path) ?? "", place);
            MappedFile file = MappedFile.Open(place);
            parts.Add(file);
            GgufHeader header = Parse(file);
            if (header.Metadata.FindInteger(GgufConstants.SplitNumber) != part
                || header.Metadata.FindInteger(GgufConstants.SplitCount) != count)
            {
                throw new ModelFormatException(file.Path, null, $"its metadata doesn't say that it is file {part + 1} of {count}.",
                    "Fetch the model's files again.");
            }

            foreach (GgufTensorInfo tensor in header.Tensors)
            {
                if (!names.Add(tensor.Name))
                    throw new ModelFormatException(file.Path, null, $"the tensor '{tensor.Name}' is in two files of the model.");
                tensors.Add(tensor with { Part = part });
            }
        }

        if (first.Metadata.FindInteger(GgufConstants.SplitTensorCount) is { } total && total != tensors.Count)
        {
            throw new ModelFormatException(path, null,
                $"the model should have {total} tensors, but its {count} files hold {tensors.Count}.", "Fetch the model's files again.");
        }

        return tensors.ToImmutable();
    }

    [GeneratedRegex(@"^(?<prefix>.+)-(?<number>\d{5})-of-(?<count>\d{5})\.gguf$")]
    private static partial Regex SplitName();
}
