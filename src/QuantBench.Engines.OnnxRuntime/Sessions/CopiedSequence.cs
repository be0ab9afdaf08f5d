using Microsoft.ML.OnnxRuntime;
using QuantBench.Engines.OnnxRuntime.Models;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>A sequence whose keys and values are the outputs of its last run.</summary>
/// <param name="signature">Layers of the cache.</param>
internal sealed class CopiedSequence(DecoderSignature signature) : IDisposable
{
    private OrtValue[] _past = [];
    private IDisposable? _owner;

    /// <summary>Its tokens.</summary>
    public List<int> Tokens { get; } = [];

    /// <summary>Bytes of keys and values.</summary>
    public long Bytes => _past.Sum(v => v.GetTensorSizeInBytes());

    /// <summary>Keys and values of all layers, in the order key, value; of length 0 for a sequence that is empty.</summary>
    public OrtValue[] Past()
    {
        if (_past.Length == 0 && signature.Layers.Length > 0)
            _past = [.. Enumerable.Range(0, signature.Layers.Length * 2).Select(_ => New(0))];
        return _past;
    }

    /// <summary>Takes over a run's outputs, logits first.</summary>
    public void Keep(IDisposableReadOnlyCollection<OrtValue> outputs)
    {
        Drop();
        _owner = outputs;
        _past = [.. outputs.Skip(1)];
    }

    /// <summary>Keeps the first tokens only.</summary>
    public void Truncate(int length)
    {
        if (length == Tokens.Count) return;
        Tokens.RemoveRange(length, Tokens.Count - length);
        if (_past.Length == 0) return;
        OrtValue[] shorter = length == 0 ? [] : [.. _past.Select(v => Cut(v, length))];
        Drop();
        _past = shorter;
    }

    /// <inheritdoc/>
    public void Dispose() => Drop();

    private void Drop()
    {
        if (_owner is not null) _owner.Dispose();
        else foreach (OrtValue value in _past) value.Dispose();
        (_owner, _past) = (null, []);
    }

    private OrtValue New(int length) =>
        OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, signature.CacheType,
            [1, signature.CacheHeads, length, signature.HeadSize]);

    private OrtValue Cut(OrtValue whole, int length)
    {
        OrtValue cut = New(length);
        ReadOnlySpan<byte> from = whole.GetTensorMutableRawData();
        Span<byte> to = cut.GetTensorMutableRawData();
        int fromHead = from.Length / signature.CacheHeads;
        int toHead = to.Length / signature.CacheHeads;
        for (int head = 0; head < signature.CacheHeads; head++) from.Slice(head * fromHead, toHead).CopyTo(to[(head * toHead)..]);
        return cut;
    }
}
