using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using QuantBench.Core.Errors;

namespace QuantBench.Formats.Numpy;

/// <summary>
/// An array in NumPy's <c>.npy</c> format, versions 1 to 3 (numpy.lib.format): magic, version, header length, a header that is a Python
/// dictionary with <c>descr</c>, <c>fortran_order</c> and <c>shape</c>, then the elements. Little-endian numbers and booleans in C order
/// are read.
/// </summary>
/// <param name="Type">Element type: <c>float32</c>, <c>float16</c>, <c>float64</c>, <c>int64</c>, <c>int32</c>, <c>int16</c>, <c>int8</c>,
/// <c>uint8</c>, <c>bool</c>.</param>
/// <param name="Shape">Its shape; empty = a scalar.</param>
/// <param name="Data">Elements in row-major order, little-endian.</param>
public sealed partial record NpyFile(string Type, ImmutableArray<long> Shape, ReadOnlyMemory<byte> Data)
{
    private const long MaxBytes = 4L << 30;
    private const int MaxHeaderBytes = 1 << 16;

    private static readonly Dictionary<string, (string Name, int Bytes)> s_types = new()
    {
        ["f4"] = ("float32", 4),
        ["f2"] = ("float16", 2),
        ["f8"] = ("float64", 8),
        ["i8"] = ("int64", 8),
        ["i4"] = ("int32", 4),
        ["i2"] = ("int16", 2),
        ["i1"] = ("int8", 1),
        ["u1"] = ("uint8", 1),
        ["b1"] = ("bool", 1),
    };

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="RequestException">It isn't there or can't be read.</exception>
    /// <exception cref="ModelFormatException">It isn't such an array.</exception>
    public static NpyFile Read(string path)
    {
        return DiskFault.AsRequest($"The array '{path}' can't be read", "Check that it is there and may be read.", () =>
        {
            if (new FileInfo(path).Length > MaxBytes) throw new ModelFormatException(path, null, "is larger than 4 GiB.");
            return Parse(File.ReadAllBytes(path), path);
        });
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <exception cref="ModelFormatException">It isn't such an array.</exception>
    public static NpyFile Parse(byte[] bytes, string path)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes.Length < 10 || bytes[0] != 0x93 || !bytes.AsSpan(1, 5).SequenceEqual("NUMPY"u8))
        {
            throw new ModelFormatException(path, 0, "isn't a NumPy array (.npy).", "Save it with numpy.save.");
        }

        bool wide = bytes[6] >= 2;
        if (bytes[6] is < 1 or > 3) throw new UnsupportedException(path, $"has version {bytes[6]}; 1 to 3 are read.");
        int start = wide ? 12 : 10;
        if (bytes.Length < start) throw new ModelFormatException(path, 8, "ends within its header.", "The file is truncated.");
        long length = wide ? BitConverter.ToUInt32(bytes, 8) : BitConverter.ToUInt16(bytes, 8);
        if (length > MaxHeaderBytes || start + length > bytes.Length)
            throw new ModelFormatException(path, 8, $"has a header of {length} bytes, which it can't hold.", "The file is truncated.");
        string header = Encoding.UTF8.GetString(bytes, start, (int)length);
        (string name, int size) = TypeOf(header, path);
        if (FortranOrder().IsMatch(header))
            throw new UnsupportedException(path, "is in Fortran order, which isn't read.", "Save numpy.ascontiguousarray(a).");
        ImmutableArray<long> shape = ShapeOf(header, path);
        long left = bytes.Length - start - length;
        long wanted = shape.Contains(0) ? 0 : size;
        foreach (long dimension in shape)
        {
            // Bounded by the bytes that are there, so that the product can't overflow.
            if (dimension > 0 && wanted > left / dimension)
                throw new ModelFormatException(path, start, $"says shape ({string.Join(", ", shape)}) of {name}, but holds {left} bytes.",
                    "The file is truncated.");
            wanted *= dimension;
        }

        if (wanted != left)
            throw new ModelFormatException(path, start,
                $"says shape ({string.Join(", ", shape)}) of {name}, {wanted} bytes, but holds {left}.", "Save it again.");
        return new NpyFile(name, shape, bytes.AsMemory(start + (int)length));
    }

    private static (string Name, int Bytes) TypeOf(string header, string path)
    {
        Match match = Descr().Match(header);
        if (!match.Success) throw new ModelFormatException(path, 10, "has a header without 'descr'.", "Save it with numpy.save.");
        string text = match.Groups[1].Value;
        if (text.Length > 1 && text[0] is '<' or '|' or '=' && s_types.TryGetValue(text[1..], out (string, int) type)) return type;
        throw new UnsupportedException(path, $"has elements of type '{text}', which isn't read.",
            "Save it as little-endian float32, float16, float64, int64, int32, int16, int8, uint8 or bool.");
    }

    private static ImmutableArray<long> ShapeOf(string header, string path)
    {
        Match match = ShapeText().Match(header);
        if (!match.Success) throw new ModelFormatException(path, 10, "has a header without 'shape'.", "Save it with numpy.save.");
        var shape = ImmutableArray.CreateBuilder<long>();
        foreach (string part in match.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long dimension))
                throw new ModelFormatException(path, 10, $"has '{part}' in its shape.", "Save it with numpy.save.");
            shape.Add(dimension);
        }

        return shape.Count <= 16 ? shape.ToImmutable()
            : throw new ModelFormatException(path, 10, $"has {shape.Count} dimensions; at most 16 are read.");
    }

    [GeneratedRegex(@"'descr':\s*'([^']{1,16})'")]
    private static partial Regex Descr();

    [GeneratedRegex(@"'fortran_order':\s*True")]
    private static partial Regex FortranOrder();

    [GeneratedRegex(@"'shape':\s*\(([0-9, ]{0,400})\)")]
    private static partial Regex ShapeText();
}
