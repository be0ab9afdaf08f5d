using FsCheck.Xunit;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.LlamaCpp.Tests;

public sealed class GgufHeaderTests
{
    private static readonly byte[] s_header = HeaderBytes();

    [Fact]
    public void Read_FindsTheFileType_OfTheReferenceModel() =>
        Assert.Equal(new GgufHeader(0, HasImportanceMatrix: false), GgufHeader.Read(ReferenceGguf.F32Path()));

    [Property]
    public void Read_RaisesOnlyFormatErrors_WhenOneByteIsChanged(uint at, byte value)
    {
        byte[] bytes = [.. s_header];
        bytes[at % (uint)bytes.Length] = value;

        Exception? e = Record.Exception(() => ReadBytes(bytes));

        Assert.True(e is null or ModelFormatException or UnsupportedException, $"byte {at % (uint)bytes.Length} = {value}: {e}");
    }

    [Fact]
    public void Read_Throws_WhenTheHeaderIsCutAnywhere()
    {
        for (int length = 0; length < s_header.Length; length++)
        {
            Exception? e = Record.Exception(() => ReadBytes(s_header[..length]));

            Assert.True(e is ModelFormatException, $"cut at {length}: {e}");
        }
    }

    private static GgufHeader ReadBytes(byte[] bytes)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            return GgufHeader.Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A v3 header with a string, an array of strings, an array of numbers, a bool and the file type.</summary>
    private static byte[] HeaderBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("GGUF"u8);
        writer.Write(3);
        writer.Write(0UL); // tensors
        writer.Write(5UL); // keys
        Key("general.architecture", 8);
        Text("llama");
        Key("tokenizer.ggml.tokens", 9);
        writer.Write(8);
        writer.Write(2UL);
        Text("a");
        Text("bc");
        Key("tokenizer.ggml.token_type", 9);
        writer.Write(5);
        writer.Write(3UL);
        writer.Write(new byte[12]);
        Key("tokenizer.ggml.add_bos_token", 7);
        writer.Write((byte)1);
        Key("general.file_type", 4);
        writer.Write(15);
        return stream.ToArray();

        void Key(string name, int type)
        {
            Text(name);
            writer.Write(type);
        }

        void Text(string text)
        {
            writer.Write((ulong)text.Length);
            writer.Write(System.Text.Encoding.ASCII.GetBytes(text));
        }
    }
}
