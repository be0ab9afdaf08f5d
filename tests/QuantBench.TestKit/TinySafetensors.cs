using System.Globalization;
using System.Text;

namespace QuantBench.TestKit;

/// <summary>
/// Puts safetensors files together without the code under test. Layout: header length (u64, little-endian), JSON header, data; a header
/// entry is name, dtype, shape, and where its data begins and ends.
/// </summary>
public sealed class TinySafetensors
{
    private readonly List<string> _entries = [];
    private readonly List<byte> _data = [];

    /// <summary>A small valid file: two tensors and a text.</summary>
    public static byte[] Build() => new TinySafetensors()
        .Raw("\"__metadata__\":{\"format\":\"pt\"}")
        .Tensor("a", "F32", [2, 3], new byte[24])
        .Tensor("b", "BF16", [4], new byte[8])
        .ToArray();

    /// <summary>A file with any header.</summary>
    /// <param name="header">The header's text.</param>
    /// <param name="data">What follows it.</param>
    public static byte[] Build(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        return [.. BitConverter.GetBytes((ulong)json.Length), .. json, .. data];
    }

    /// <summary>Adds text to the header as it is.</summary>
    public TinySafetensors Raw(string entry)
    {
        _entries.Add(entry);
        return this;
    }

    /// <summary>Adds a tensor and its data.</summary>
    public TinySafetensors Tensor(string name, string dtype, long[] shape, ReadOnlySpan<byte> data)
    {
        long begin = _data.Count;
        _data.AddRange(data);
        _entries.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":[{string.Join(",", shape)}],\"data_offsets\":[{begin},{_data.Count}]}}"));
        return this;
    }

    /// <summary>The file.</summary>
    public byte[] ToArray() => Build($"{{{string.Join(",", _entries)}}}", [.. _data]);
}
