using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>Inputs, references and errors of onnx-latency; the workload itself is run through the command.</summary>
public sealed class TensorWorkloadTests
{
    private static readonly ImmutableArray<TensorPort> s_ports =
    [
        new("image", "float32", [new(null, "batch"), new(3, ""), new(null, "height")]),
        new("ids", "int64", [new(null, "batch"), new(null, "")]),
        new("flag", "bool", []),
    ];

    [Fact]
    public void Inputs_TakeGivenSizes_AndOneForTheRest()
    {
        ImmutableArray<TensorInput> inputs = TensorInputs.Make(s_ports, CellSettings.Empty.With("shapes", "batch=2, height=5"));

        Assert.Equal([2, 3, 5], inputs[0].Value.Shape.AsEnumerable());
        Assert.Equal(2 * 3 * 5 * 4, inputs[0].Value.Data.Length);
        Assert.Null(inputs[0].Note);
        Assert.Equal([2, 1], inputs[1].Value.Shape.AsEnumerable());
        Assert.Contains("taken as 1", inputs[1].Note, StringComparison.Ordinal);
        Assert.Equal([1], inputs[2].Value.Data.ToArray());
    }

    [Fact]
    public void Inputs_DependOnTheSeedOnly()
    {
        CellSettings settings = CellSettings.Empty.With("shapes", "batch=2,height=5");

        byte[] first = TensorInputs.Make(s_ports, settings)[0].Value.Data.ToArray();

        Assert.Equal(first, TensorInputs.Make(s_ports, settings)[0].Value.Data.ToArray());
        Assert.NotEqual(first, TensorInputs.Make(s_ports, settings.With("seed", 2))[0].Value.Data.ToArray());
    }

    [Theory]
    [InlineData("batch")]
    [InlineData("batch=x")]
    [InlineData("batch=1,batch=2")]
    [InlineData("width=4")] // no such dimension
    [InlineData("batch=2000000000,height=2000000000")] // more than fits
    public void Inputs_RefuseShapesThatDontFit(string shapes) =>
        Assert.Throws<RequestException>(() => TensorInputs.Make(s_ports, CellSettings.Empty.With("shapes", shapes)));

    [Fact]
    public void Inputs_ComeFromFiles_OneEach()
    {
        using var directory = new TemporaryDirectory();
        byte[] header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }\n"u8.ToArray();
        directory.Write("a_ids.npy",
            [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. BitConverter.GetBytes(7L), .. BitConverter.GetBytes(8L)]);
        ImmutableArray<TensorPort> ports = [new("a/ids", "int64", [new(null, "batch"), new(null, "length")])];

        TensorInput input = Assert.Single(TensorInputs.Make(ports, CellSettings.Empty.With("inputs", directory.Path)));

        Assert.Equal([1, 2], input.Value.Shape.AsEnumerable());
        Assert.Equal(8, BitConverter.ToInt64(input.Value.Data.Span[8..]));
        RequestException missing =
            Assert.Throws<RequestException>(() => TensorInputs.Make(s_ports, CellSettings.Empty.With("inputs", directory.Path)));
        Assert.Contains("image.npy", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Error_IsRelativeToTheReference()
    {
        // By hand: differences 0, 0, 3, 0 against 1, 2, 2, 4 → sqrt(9/25); largest 3 of an output whose largest magnitude is 4.
        TensorError error = TensorError.Between([Output("y", 1, 2), Output("z", 2, 4)], [Output("z", 5, 4), Output("y", 1, 2)]);

        Assert.Equal(0.6, error.Relative, 12);
        Assert.Equal(0.75, error.Largest, 12);
    }

    [Fact]
    public void Error_RefusesWhatCantBeCompared()
    {
        Assert.Throws<RequestException>(() => TensorError.Between([Output("y", 1)], [Output("z", 1)]));
        Assert.Throws<RequestException>(() => TensorError.Between([Output("y", 1)], [Output("y", 1, 2)]));
        Assert.Throws<RequestException>(() => TensorError.Between([Output("y", 0)], [Output("y", 1)]));
        Assert.Throws<EngineException>(() => TensorError.Between([Output("y", 1)], [Output("y", float.NaN)]));
        Assert.Equal(0, TensorError.Between([Output("y", 0)], [Output("y", 0)]).Relative);
    }

    [Fact]
    public void Reference_IsReadAsItWasWritten_AndNoTruncationIs()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Combine("reference");
        TensorReference.Write(path, [Output("y", 1, -2.5f), Output("long name", 3)]);

        ImmutableArray<TensorOutput> read = TensorReference.Read(path);

        Assert.Equal(["y", "long name"], read.Select(o => o.Name));
        Assert.Equal([1, -2.5f], read[0].Values.ToArray());
        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length < whole.Length; length++)
        {
            string cut = directory.Write("cut", whole[..length]);
            Assert.Throws<ModelFormatException>(() => TensorReference.Read(cut));
        }
    }

    private static TensorOutput Output(string name, params float[] values) => new(name, [values.Length], values);
}
