using System.Text;
using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Formats.Numpy;

namespace QuantBench.Formats.Tests.Numpy;

public sealed class NpyFileTests
{
    // numpy.arange(6, dtype=float32).reshape(2, 3), laid out by hand as numpy.lib.format describes version 1.0: magic, header padded to 128
    // bytes, data.
    private const string Golden =
        "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAg"
        + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
        + "ICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA=";

    [Fact]
    public void Parse_ReadsTheDocumentedLayout()
    {
        NpyFile array = NpyFile.Parse(Convert.FromBase64String(Golden), "a.npy");

        Assert.Equal("float32", array.Type);
        Assert.Equal([2, 3], array.Shape.AsEnumerable());
        float[] values = new float[6];
        Buffer.BlockCopy(array.Data.ToArray(), 0, values, 0, 24);
        Assert.Equal([0, 1, 2, 3, 4, 5], values);
    }

    [Theory]
    [InlineData("<i8", "()", 8, "int64")] // a scalar
    [InlineData("|b1", "(3,)", 3, "bool")]
    [InlineData("<f2", "(2, 0, 4)", 0, "float16")] // empty
    public void Parse_ReadsOtherTypesAndShapes(string descr, string shape, int bytes, string type)
    {
        NpyFile array = NpyFile.Parse(Build(descr, shape, bytes), "a.npy");

        Assert.Equal(type, array.Type);
        Assert.Equal(bytes, array.Data.Length);
    }

    [Theory]
    [InlineData(">f4", "(2,)", 8)] // big-endian
    [InlineData("<U4", "(2,)", 32)] // text
    [InlineData("<f4", "(2,)", 4)] // too few bytes
    [InlineData("<f4", "(2,)", 12)] // too many
    [InlineData("<f4", "(4611686018427387904, 4)", 0)] // a product beyond 64 bits
    [InlineData("<f4", "(-1,)", 0)]
    public void Parse_RefusesWhatItCantRead(string descr, string shape, int bytes) =>
        Assert.ThrowsAny<QuantBenchException>(() => NpyFile.Parse(Build(descr, shape, bytes), "a.npy"));

    [Fact]
    public void Parse_RefusesFortranOrder() =>
        Assert.Contains("Fortran",
            Assert.Throws<UnsupportedException>(() => NpyFile.Parse(Build("<f4", "(1,)", 4, "True"), "a.npy")).Message,
            StringComparison.Ordinal);

    [Property(MaxTest = 300)]
    public void Parse_RaisesOnlyFormatErrors_WhenOneByteIsChanged(uint at, byte value)
    {
        byte[] bytes = Convert.FromBase64String(Golden);
        bytes[at % (uint)bytes.Length] = value;

        Exception? error = Record.Exception(() => NpyFile.Parse(bytes, "a.npy"));

        Assert.True(error is null or ModelFormatException or UnsupportedException, $"byte {at % (uint)bytes.Length}: {error}");
    }

    [Fact]
    public void Parse_RefusesEveryTruncation()
    {
        byte[] bytes = Convert.FromBase64String(Golden);
        for (int length = 0; length < bytes.Length; length++)
        {
            byte[] cut = bytes[..length];
            Assert.Throws<ModelFormatException>(() => NpyFile.Parse(cut, "a.npy"));
        }
    }

    private static byte[] Build(string descr, string shape, int bytes, string fortran = "False")
    {
        byte[] header = Encoding.ASCII.GetBytes($"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. new byte[bytes]];
    }
}
