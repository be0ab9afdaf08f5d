using System.Globalization;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Onnx.Proto;

namespace QuantBench.Formats.Onnx;

/// <summary>
/// Writes a model as a directory: <c>model.onnx</c> with the graph and <c>model.onnx.data</c> with the tensors that are filled piece by
/// piece, in any order, so that no more than the caller's piece is in memory. The graph is written last: a directory without it isn't
/// finished.
/// </summary>
public sealed class OnnxWriter : IDisposable
{
    /// <summary>Name of the file with the graph.</summary>
    public const string ModelFile = "model.onnx";

    /// <summary>Name of the file with the tensors.</summary>
    public const string DataFile = "model.onnx.data";

    // Runtimes map tensors straight from the file: page-aligned everywhere, and large ones aligned to what Windows maps by.
    private const int PageBytes = 4096;
    private const int LargeAlignment = 65536;
    private const int LargeBytes = 1 << 20;

    private readonly OnnxGraph _graph;
    private readonly string _directory;
    private readonly SafeFileHandle _data;
    private readonly TensorPlaces _places = new();

    /// <summary>Lays the tensors out and makes the data file, replacing one that is there.</summary>
    /// <param name="directory">Where to; made when it is missing.</param>
    /// <param name="graph">The model.</param>
    /// <exception cref="ArgumentException">Two tensors have the same name, or inline bytes don't fit their shape.</exception>
    /// <exception cref="RequestException">The directory can't be written, or has no room.</exception>
    public OnnxWriter(string directory, OnnxGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        (_directory, _graph) = (directory, graph);
        long end = 0;
        foreach (OnnxTensorSpec tensor in graph.Tensors)
        {
            long bytes = tensor.ByteSize;
            if (tensor.Inline is { } inline)
            {
                if (inline.Length != bytes)
                    throw new ArgumentException($"'{tensor.Name}' has {inline.Length} bytes, but its shape asks for {bytes}",
                        nameof(graph));
                continue;
            }

            long alignment = bytes >= LargeBytes ? LargeAlignment : PageBytes;
            long offset = (end + alignment - 1) / alignment * alignment;
            _places.Add(tensor.Name, offset, bytes);
            end = checked(offset + bytes);
        }

        DataBytes = end;
        try
        {
            Directory.CreateDirectory(directory);
            _data = File.OpenHandle(Path.Combine(directory, DataFile), FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None,
                end);
            RandomAccess.SetLength(_data, end);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            _data?.Dispose();
            throw Unwritable(e);
        }
    }

    /// <summary>Bytes of the data file.</summary>
    public long DataBytes { get; }

    /// <summary>Appends bytes to a tensor.</summary>
    /// <param name="tensor">Name of a tensor whose bytes aren't inline.</param>
    /// <param name="bytes">What follows what was appended before.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tensor would outgrow its shape.</exception>
    /// <exception cref="RequestException">The disk is full or gone.</exception>
    public void Append(string tensor, ReadOnlySpan<byte> bytes)
    {
        try
        {
            _places.Append(_data, tensor, bytes);
        }
        catch (IOException e)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Writes the graph, when every tensor is whole.</summary>
    /// <exception cref="InvalidOperationException">A tensor isn't whole.</exception>
    /// <exception cref="RequestException">The file can't be written.</exception>
    public void Complete()
    {
        _places.Complete();

        try
        {
            using FileStream stream = File.Create(Path.Combine(_directory, ModelFile));
            OnnxProto.ToModel(_graph, ToTensor).WriteTo(stream);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Closes the data file.</summary>
    public void Dispose() => _data.Dispose();

    private TensorProto ToTensor(OnnxTensorSpec spec)
    {
        TensorProto proto = OnnxProto.ToTensor(spec);
        if (spec.Inline is { } inline)
        {
            proto.RawData = UnsafeByteOperations.UnsafeWrap(inline);
            return proto;
        }

        (long offset, long size) = _places[spec.Name];
        proto.DataLocation = TensorProto.Types.DataLocation.External;
        proto.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = DataFile });
        proto.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
        proto.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = size.ToString(CultureInfo.InvariantCulture) });
        return proto;
    }

    private RequestException Unwritable(Exception cause) =>
        new($"The model '{_directory}' can't be written: {cause.Message}",
            "Check that the directory may be written to and the disk has room.", cause);
}
