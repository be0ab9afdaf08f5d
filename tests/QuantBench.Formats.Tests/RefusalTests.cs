using System.Text;
using Google.Protobuf;
using QuantBench.Core.Errors;
using QuantBench.Formats.Numpy;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Onnx.Proto;
using QuantBench.Formats.Safetensors;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests;

/// <summary>Every refusal of a file is of one of two kinds: a sound file that isn't read, or a broken one.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("F4", "the dtype 'F4', which is not read")]
    [InlineData("Q4", "the dtype 'Q4', which is not read")]
    public void Safetensors_CallsItUnsupported_WhenTheTypeIsNew(string type, string reason) => Unsupported(reason, () =>
        SafetensorsHeader.Read(new TinySafetensors().Tensor("a", type, [2], new byte[1]).ToArray(), "m.safetensors"));

    [Theory]
    [InlineData("domain", "the operator set 'my.own', which is not known")]
    [InlineData("ir", "(ir_version) is 99")]
    [InlineData("opset", "version 99 of the operator set")]
    public void Onnx_CallsItUnsupported_WhenItAsksForMore(string what, string reason) => Unsupported(reason, () => Onnx(model =>
    {
        if (what == "ir") model.IrVersion = 99;
        else if (what == "opset") model.OpsetImport[0].Version = 99;
        else model.Graph.Node[0].Domain = "my.own";
    }));

    [Theory]
    [InlineData("operator", "is no operator of ONNX")]
    [InlineData("ir", "(ir_version) is 0")]
    [InlineData("opset", "version 99999 of the operator set")]
    [InlineData("value", "which no input, tensor or earlier node gives")]
    [InlineData("data", "there is no such file beside the model")]
    public void Onnx_CallsItBroken_WhenItCantBe(string what, string reason) => Broken(reason, () => Onnx(model =>
    {
        if (what == "ir") model.IrVersion = 0;
        else if (what == "opset") model.OpsetImport[0].Version = 99_999;
        else if (what == "value") model.Graph.Node[0].Input[0] = "nothing";
        else if (what == "operator") model.Graph.Node[0].OpType = "Reluu";
        else
        {
            var weights = new TensorProto { Name = "w", DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
            weights.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "m.onnx.data" });
            model.Graph.Initializer.Add(weights);
        }
    }));

    [Theory]
    [InlineData("<f4", "True", 1, "Fortran order")]
    [InlineData(">f4", "False", 1, "elements of type '>f4'")]
    [InlineData("<f4", "False", 9, "has version 9")]
    public void Npy_CallsItUnsupported_WhenTheArrayIsSoundAndNotRead(string type, string fortran, byte version, string reason)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': {fortran}, 'shape': (1,), }}".PadRight(117) + "\n";
        byte[] bytes = [0x93, .. "NUMPY"u8, version, 0, 118, 0, .. Encoding.ASCII.GetBytes(header), 0, 0, 0, 0];

        Unsupported(reason, () => NpyFile.Parse(bytes, "a.npy"));
    }

    private static void Unsupported(string reason, Action action) =>
        Assert.Contains(reason, Assert.Throws<UnsupportedException>(action).Message, StringComparison.Ordinal);

    private static void Broken(string reason, Action action) =>
        Assert.Contains(reason, Assert.Throws<ModelFormatException>(action).Message, StringComparison.Ordinal);

    private void Onnx(Action<ModelProto> change)
    {
        var value = new ValueInfoProto { Name = "x", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } };
        var model = new ModelProto { IrVersion = 10, Graph = new GraphProto { Name = "g" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 20 });
        model.Graph.Input.Add(value);
        model.Graph.Node.Add(new NodeProto { OpType = "Relu", Input = { "x" }, Output = { "y" } });
        OnnxModel.Read(model.ToByteArray(), _directory.Combine("m.onnx")).Dispose(); // it is sound before the change
        change(model);
        OnnxModel.Read(model.ToByteArray(), _directory.Combine("m.onnx")).Dispose();
    }
}
