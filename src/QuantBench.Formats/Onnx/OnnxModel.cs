using System.Collections.Immutable;
using Google.Protobuf;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Onnx.Proto;

namespace QuantBench.Formats.Onnx;

/// <summary>
/// An ONNX model on disk. Every size, offset and reference was checked: tensors have the bytes their shapes ask for, files of external data
/// lie inside the model's directory and are long enough, operators are known, and every value a node takes is made before it.
/// </summary>
public sealed class OnnxModel : IDisposable
{
    private readonly OnnxTensorReader _reader;
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _inline;
    private readonly ModelProto _proto;

    private OnnxModel(string path, ModelProto proto, OnnxTensorReader reader, ImmutableDictionary<string, OnnxTensorInfo> tensors,
        Dictionary<string, ReadOnlyMemory<byte>> inline)
    {
        (Path, _proto, _reader, Tensors, _inline) = (path, proto, reader, tensors, inline);
        Nodes = [.. proto.Graph.Node.Select(OnnxProto.FromNode)];

        // Old files list constants among the inputs, too, as defaults that a caller may override.
        Inputs = [.. proto.Graph.Input.Where(i => !tensors.ContainsKey(i.Name)).Select(OnnxProto.FromValue)];
        Outputs = [.. proto.Graph.Output.Select(OnnxProto.FromValue)];
        Opsets = proto.OpsetImport.ToImmutableSortedDictionary(o => OnnxProto.Normal(o.Domain), o => o.Version, StringComparer.Ordinal);
        Metadata = proto.MetadataProps.ToImmutableSortedDictionary(m => m.Key, m => m.Value, StringComparer.Ordinal);
    }

    /// <summary>Absolute path of the model file.</summary>
    public string Path { get; }

    /// <summary>Version of the file format.</summary>
    public long IrVersion => _proto.IrVersion;

    /// <summary>What wrote the model; empty when it doesn't say.</summary>
    public string Producer => _proto.ProducerName;

    /// <summary>Versions of the operator sets by domain; the empty domain is ONNX's own.</summary>
    public ImmutableSortedDictionary<string, long> Opsets { get; }

    /// <summary>Free text entries by key.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; }

    /// <summary>What a caller gives.</summary>
    public ImmutableArray<OnnxValue> Inputs { get; }

    /// <summary>What a caller gets.</summary>
    public ImmutableArray<OnnxValue> Outputs { get; }

    /// <summary>Operators in order.</summary>
    public ImmutableArray<OnnxNode> Nodes { get; }

    /// <summary>Constant tensors, by name.</summary>
    public ImmutableDictionary<string, OnnxTensorInfo> Tensors { get; }

    /// <summary>Absolute paths of the model file and its files of external data.</summary>
    public ImmutableArray<string> Files => [Path, .. _reader.Files.Values.Select(f => f.Path).Order(StringComparer.Ordinal)];

    /// <summary>Opens a model.</summary>
    /// <param name="path">A file, or a directory with <c>model.onnx</c>.</param>
    /// <exception cref="RequestException">It isn't there or can't be read.</exception>
    /// <exception cref="ModelFormatException">It isn't a valid ONNX model.</exception>
    public static OnnxModel Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = System.IO.Path.GetFullPath(Directory.Exists(path) ? System.IO.Path.Combine(path, OnnxWriter.ModelFile) : path);
        byte[] bytes;
        using (MappedFile file = MappedFile.Open(full))
        {
            if (file.Length > int.MaxValue)
                throw new ModelFormatException(full, null, $"{file.Length} bytes are more than a protobuf message can have (2 GiB).",
                    "Save the model with external data.");
            bytes = file.Span(0, (int)file.Length).ToArray();
        }

        return Read(bytes, full);
    }

    /// <summary>Reads a model that is in memory.</summary>
    /// <param name="bytes">The model file.</param>
    /// <param name="path">Where it lies, for messages; external data is looked for beside it.</param>
    /// <exception cref="ModelFormatException">It isn't a valid ONNX model.</exception>
    public static OnnxModel Read(byte[] bytes, string path)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException(path, null, $"this is not an ONNX model: {e.Message}",
                "The file is damaged or of another format; fetch it again.", e);
        }

        OnnxChecks.CheckHeader(proto, path);
        var reader = new OnnxTensorReader(path);
        try
        {
            var tensors = ImmutableDictionary.CreateBuilder<string, OnnxTensorInfo>(StringComparer.Ordinal);
            var inline = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
            foreach (TensorProto tensor in proto.Graph.Initializer)
            {
                (OnnxTensorInfo info, ReadOnlyMemory<byte> data) = reader.Read(tensor);
                if (tensors.ContainsKey(info.Name)) throw new ModelFormatException(path, null, $"there are two tensors '{info.Name}'.");
                tensors.Add(info.Name, info);
                if (info.Location is null) inline.Add(info.Name, data);
            }

            OnnxChecks.CheckGraph(proto, path);
            return new OnnxModel(path, proto, reader, tensors.ToImmutable(), inline);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>All bytes of a tensor, valid until this model is disposed.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/> of at most 2 GiB.</param>
    public ReadOnlySpan<byte> Span(OnnxTensorInfo tensor) => Span(tensor, 0, checked((int)tensor.ByteSize));

    /// <summary>Some bytes of a tensor, valid until this model is disposed.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">First byte, from the tensor's start.</param>
    /// <param name="length">Number of bytes.</param>
    public ReadOnlySpan<byte> Span(OnnxTensorInfo tensor, long offset, int length)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.ByteSize - length);
        return tensor.Location is { } location
            ? _reader.Files[location].Span(tensor.Offset + offset, length)
            : _inline[tensor.Name].Span.Slice((int)offset, length);
    }

    /// <summary>The model file with more outputs, so that values inside the graph can be looked at; external data stays where it
    /// is.</summary>
    /// <param name="outputs">Values inside the graph; their types may be left undefined.</param>
    public byte[] WithOutputs(IEnumerable<OnnxValue> outputs)
    {
        ModelProto copy = _proto.Clone();
        copy.Graph.Output.AddRange(outputs.Select(OnnxProto.ToValue));
        return copy.ToByteArray();
    }

    /// <summary>Unmaps the files.</summary>
    public void Dispose() => _reader.Dispose();
}
