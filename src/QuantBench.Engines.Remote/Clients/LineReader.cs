using System.Buffers;
using System.Runtime.CompilerServices;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>Lines of a stream, ended by LF or CRLF; of bounded length, whatever comes.</summary>
/// <param name="stream">The stream.</param>
/// <param name="longest">Longest line in bytes.</param>
internal sealed class LineReader(Stream stream, int longest) : IDisposable
{
    private const int FirstSize = 4096;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstSize);
    private int _start;
    private int _end;
    private int _searched;

    /// <summary>The line that the last <see cref="TryNext"/> found; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Line { get; private set; }

    /// <summary>Takes the next line out of what has been read already.</summary>
    /// <returns>False when more must be read.</returns>
    public bool TryNext()
    {
        int at = _buffer.AsSpan(_searched, _end - _searched).IndexOf((byte)'\n');
        if (at < 0)
        {
            _searched = _end;
            return false;
        }

        int end = _searched + at;
        int length = end - _start;
        if (length > 0 && _buffer[end - 1] == (byte)'\r') length--;
        Line = _buffer.AsMemory(_start, length);
        _start = _searched = end + 1;
        return true;
    }

    /// <summary>Reads more.</summary>
    /// <returns>False at the end of the stream; bytes without a line break may be left, <see cref="HasRest"/>.</returns>
    /// <exception cref="ServerException">The line is longer than allowed.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // once for every token
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        if (_start == _end) _start = _end = _searched = 0;
        if (_end == _buffer.Length) MakeRoom();
        int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += read;
        return read > 0;
    }

    /// <summary>Whether bytes are left that no line break ended.</summary>
    public bool HasRest => _end > _start;

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private void MakeRoom()
    {
        int held = _end - _start;
        if (held > longest)
            throw new ServerException(ServerFault.Flooded, $"a line of the reply is longer than {longest} bytes");
        byte[] target = _buffer;
        if (held > _buffer.Length / 2) target = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(_start, held).CopyTo(target);
        if (target != _buffer)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        (_searched, _start, _end) = (_searched - _start, 0, held);
    }
}
