using System.Globalization;
using System.Runtime.InteropServices;
using FsCheck.Xunit;
using Google.Protobuf;
using QuantBench.Core.Errors;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Onnx.Proto;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Onnx;

public sealed class OnnxModelTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Open_GivesBackWhatWasWritten()
    {
        TinyOnnx.Write(_directory);

        using OnnxModel model = OnnxModel.Open(_directory.Path);

        Assert.Equal(["product", "sum"], model.Nodes.Select(n => n.Name));
        Assert.Equal(["x"], model.Inputs.Select(i => i.Name));
        Assert.Equal("[batch, 2]", $"[{string.Join(", ", model.Inputs[0].Shape!.Value)}]"); // it has one
        Assert.Equal("value", model.Metadata["key"]);
        Assert.Equal(17, model.Opsets[""]);
        Assert.Equal(TinyOnnx.Weights, MemoryMarshal.Cast<byte, float>(model.Span(model.Tensors["w"])).ToArray());
        Assert.Equal(new byte[12], model.Span(model.Tensors["b"]).ToArray());
        Assert.Equal(OnnxWriter.DataFile, model.Tensors["w"].Location);
        Assert.Equal(["model.onnx", "model.onnx.data"], model.Files.Select(f => Path.GetFileName(f)));
    }

    [Fact]
    public void Write_LaysTensorsOutByPages()
    {
        OnnxGraph graph = TinyOnnx.Graph with
        {
            Nodes = [],
            Outputs = [],
            Tensors = [new OnnxTensorSpec("small", OnnxDataType.UInt8, [3]), new OnnxTensorSpec("large", OnnxDataType.UInt8, [2 << 20]),
                new OnnxTensorSpec("half", OnnxDataType.UInt4, [5])],
        };
        using (var writer = new OnnxWriter(_directory.Path, graph))
        {
            writer.Append("half", [1, 2, 3]);
            writer.Append("large", new byte[2 << 20]);
            writer.Append("small", [7, 8, 9]);
            writer.Complete();
        }

        using OnnxModel model = OnnxModel.Open(_directory.Path);

        Assert.All(model.Tensors.Values, t => Assert.Equal(0, t.Offset % 4096));
        Assert.Equal(0, model.Tensors["large"].Offset % 65536);
        Assert.Equal([1, 2, 3], model.Span(model.Tensors["half"]).ToArray());
        Assert.Equal([7, 8, 9], model.Span(model.Tensors["small"]).ToArray());
    }

    [Fact]
    public void Complete_Throws_WhenATensorIsNotWhole()
    {
        using var writer = new OnnxWriter(_directory.Path, TinyOnnx.Graph);
        writer.Append("w", new byte[8]);

        Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.False(File.Exists(_directory.Combine(OnnxWriter.ModelFile)));
    }

    [Fact]
    public void Inspect_MeasuresTensors()
    {
        TinyOnnx.Write(_directory);

        ArtifactSize size = ArtifactInspector.Inspect("onnx", _directory.Path);

        Assert.Equal((36, 9), (size.WeightBytes, size.ParameterCount));
        Assert.Equal(new DirectoryInfo(_directory.Path).EnumerateFiles().Sum(f => f.Length), size.Bytes);
    }

    [Fact]
    public void Open_Throws_WhenTheDataIsMissing()
    {
        File.Delete(Path.Combine(Path.GetDirectoryName(TinyOnnx.Write(_directory))!, OnnxWriter.DataFile)); // the file has a directory

        AssertRefused(File.ReadAllBytes(_directory.Combine(OnnxWriter.ModelFile)),
            "'w' is in 'model.onnx.data', but there is no such file");
    }

    [Fact]
    public void Open_Throws_WhenTheDataIsCutOff()
    {
        byte[] model = File.ReadAllBytes(TinyOnnx.Write(_directory));
        _directory.Write(OnnxWriter.DataFile, new byte[23]);

        AssertRefused(model, "'w' lies at bytes 0 to 24 of 'model.onnx.data', which has 23");
    }

    public static TheoryData<string, string> Spoiled() => new()
    {
        { "up", "not a plain path inside" },
        { "rooted", "not a plain path inside" },
        { "backslash", "not a plain path inside" },
        { "no location", "no file is named" },
        { "offset", "as the offset of its external data" },
        { "far", "lies at bytes 9223372036854775807" },
        { "length", "but 25 are said to be" },
        { "inline length", "12 bytes, but 11 are stored" },
        { "type", "unknown element type 99" },
        { "negative", "negative size" },
        { "huge", "larger than any file" },
        { "twins", "two tensors 'w'" },
        { "operator", "'product' (MatMool) is no operator of ONNX" },
        { "domain", "operator set 'com.example', which is not known" },
        { "undeclared", "whose version the model doesn't say" },
        { "value", "takes the value 'nowhere'" },
        { "output", "output 'z' is given by no node" },
        { "twice", "gives the value 'xw', which another node gives" },
        { "version", "ir_version) is 99" },
        { "opset", "version 99 of the operator set" },
        { "no graph", "no graph in it" },
        { "subgraph", "takes the value 'nowhere'" },
    };

    [Fact]
    public void Open_Throws_WhenDataIsALinkOutOfTheModel()
    {
        using var directory = new TemporaryDirectory();
        using var elsewhere = new TemporaryDirectory();
        string path = TinyOnnx.Write(directory), data = directory.Combine("model.onnx.data"), target = elsewhere.Combine("data");
        File.Move(data, target);
        File.CreateSymbolicLink(data, target);

        Assert.Contains("outside of the model's directory", Assert.Throws<ModelFormatException>(() => OnnxModel.Open(path)).Message,
            StringComparison.Ordinal);
        File.Delete(data);
        File.Move(target, directory.Combine("stored"));
        File.CreateSymbolicLink(data, "stored");
        OnnxModel.Open(path).Dispose();
    }

    [Theory]
    [MemberData(nameof(Spoiled))]
    public void Read_Throws_WhenAPartIsWrong(string what, string message)
    {
        ModelProto model = TinyOnnx.Message(TinyOnnx.Write(_directory));
        TensorProto w = model.Graph.Initializer[0];
        switch (what)
        {
            case "up": w.ExternalData[0].Value = "../model.onnx.data"; break;
            case "rooted": w.ExternalData[0].Value = "/etc/hostname"; break;
            case "backslash": w.ExternalData[0].Value = "..\\model.onnx.data"; break;
            case "no location": w.ExternalData.RemoveAt(0); break;
            case "offset": w.ExternalData[1].Value = "-1"; break;
            case "far": w.ExternalData[1].Value = long.MaxValue.ToString(CultureInfo.InvariantCulture); break;
            case "length": w.ExternalData[2].Value = "25"; break;
            case "inline length": model.Graph.Initializer[1].RawData = ByteString.CopyFrom(new byte[11]); break;
            case "type": w.DataType = 99; break;
            case "negative": w.Dims[0] = -2; break;
            case "huge": w.Dims.AddRange([1L << 40, 1L << 40]); break;
            case "twins": model.Graph.Initializer.Add(w.Clone()); break;
            case "operator": model.Graph.Node[0].OpType = "MatMool"; break;
            case "domain": model.Graph.Node[0].Domain = "com.example"; break;
            case "undeclared": (model.Graph.Node[0].Domain, model.Graph.Node[0].OpType) = ("com.microsoft", "FusedMatMul"); break;
            case "value": model.Graph.Node[0].Input[0] = "nowhere"; break;
            case "output": model.Graph.Output[0].Name = "z"; break;
            case "twice": model.Graph.Node[1].Output[0] = "xw"; break;
            case "version": model.IrVersion = 99; break;
            case "opset": model.OpsetImport[0].Version = 99; break;
            case "no graph": model.Graph = null; break;
            default:
                var inner = new GraphProto { Name = "inner" };
                inner.Node.Add(new NodeProto { OpType = "Neg", Name = "deep", Input = { "nowhere" }, Output = { "o" } });
                model.Graph.Node[1].Attribute.Add(
                    new AttributeProto { Name = "body", Type = AttributeProto.Types.AttributeType.Graph, G = inner });
                break;
        }

        AssertRefused(model.ToByteArray(), message);
    }

    [Fact]
    public void Read_TakesValuesFromTheFieldsOfTheirTypes()
    {
        ModelProto model = TinyOnnx.Message(TinyOnnx.Write(_directory));
        model.Graph.Initializer.Add(new TensorProto { Name = "f", DataType = 1, Dims = { 2 }, FloatData = { 1.5f, -2 } });
        model.Graph.Initializer.Add(new TensorProto { Name = "l", DataType = 7, Dims = { 1 }, Int64Data = { -3 } });
        model.Graph.Initializer.Add(new TensorProto { Name = "h", DataType = 10, Dims = { 1 }, Int32Data = { 0x3C00 } });
        model.Graph.Initializer.Add(new TensorProto { Name = "n", DataType = 22, Dims = { 3 }, Int32Data = { 0x21, 0x03 } });

        using OnnxModel read = OnnxModel.Read(model.ToByteArray(), _directory.Combine("model.onnx"));

        Assert.Equal([0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0], read.Span(read.Tensors["f"]).ToArray());
        Assert.Equal(-3, BitConverter.ToInt64(read.Span(read.Tensors["l"])));
        Assert.Equal((Half)1, BitConverter.ToHalf(read.Span(read.Tensors["h"])));
        Assert.Equal([0x21, 3], read.Span(read.Tensors["n"]).ToArray());
    }

    [Property(MaxTest = 1000)]
    public void Read_RaisesOnlyFormatErrors_WhenBytesAreChanged(uint at, byte value, uint at2, byte value2)
    {
        byte[] bytes = File.Exists(_directory.Combine(OnnxWriter.ModelFile)) ? File.ReadAllBytes(_directory.Combine(OnnxWriter.ModelFile))
            : File.ReadAllBytes(TinyOnnx.Write(_directory));
        bytes[at % (uint)bytes.Length] = value;
        bytes[at2 % (uint)bytes.Length] = value2;

        Exception? e = Record.Exception(() => OnnxModel.Read(bytes, _directory.Combine("model.onnx")).Dispose());

        Assert.True(e is null or ModelFormatException or UnsupportedException,
            $"bytes {at % (uint)bytes.Length}, {at2 % (uint)bytes.Length}: {e}");
    }

    [Fact]
    public void Read_RaisesOnlyFormatErrors_WhenTheFileIsCutOff()
    {
        byte[] bytes = File.ReadAllBytes(TinyOnnx.Write(_directory));
        for (int length = 0; length < bytes.Length; length++)
        {
            Exception? e = Record.Exception(() => OnnxModel.Read(bytes[..length], _directory.Combine("model.onnx")).Dispose());
            Assert.True(e is null or ModelFormatException or UnsupportedException, $"{length} bytes: {e}");
        }
    }

    [Fact]
    public void Read_Throws_WhenGraphsAreNestedTooDeep()
    {
        var graph = new GraphProto { Name = "leaf" };
        for (int i = 0; i < 200; i++)
        {
            var outer = new GraphProto { Name = "g" };
            outer.Node.Add(
                new NodeProto
                {
                    OpType = "If",
                    Attribute =
                        { new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = graph } }
                });
            graph = outer;
        }

        byte[] bytes = new ModelProto { IrVersion = 10, Graph = graph }.ToByteArray();

        AssertRefused(bytes, "not an ONNX model");
    }

    public void Dispose() => _directory.Dispose();

    private void AssertRefused(byte[] bytes, string message)
    {
        string path = _directory.Combine(OnnxWriter.ModelFile);
        QuantBenchException error = Assert.ThrowsAny<QuantBenchException>(() => OnnxModel.Read(bytes, path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
