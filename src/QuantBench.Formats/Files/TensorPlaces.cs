using Microsoft.Win32.SafeHandles;

namespace QuantBench.Formats.Files;

/// <summary>Tensors whose places in a file are known beforehand and that are filled piece by piece, in any order of tensors.</summary>
internal sealed class TensorPlaces
{
    private readonly Dictionary<string, (long Offset, long ByteSize)> _places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _written = new(StringComparer.Ordinal);

    /// <summary>Where a tensor lies.</summary>
    public (long Offset, long ByteSize) this[string tensor] => _places[tensor];

    /// <summary>Gives a tensor its place.</summary>
    /// <exception cref="ArgumentException">It has one.</exception>
    public void Add(string tensor, long offset, long byteSize) => _places.Add(tensor, (offset, byteSize));

    /// <summary>Appends bytes to a tensor.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tensor would outgrow its place.</exception>
    /// <exception cref="IOException">The disk is full or gone.</exception>
    public void Append(SafeFileHandle file, string tensor, ReadOnlySpan<byte> bytes)
    {
        (long offset, long size) = _places[tensor];
        long written = _written.GetValueOrDefault(tensor);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, size - written);
        RandomAccess.Write(file, bytes, offset + written);
        _written[tensor] = written + bytes.Length;
    }

    /// <summary>Checks that every tensor is whole.</summary>
    /// <exception cref="InvalidOperationException">One isn't.</exception>
    public void Complete()
    {
        foreach ((string name, (_, long size)) in _places)
        {
            if (_written.GetValueOrDefault(name) != size)
                throw new InvalidOperationException($"'{name}' has {_written.GetValueOrDefault(name)} of {size} bytes.");
        }
    }
}
