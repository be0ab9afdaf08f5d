using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>
/// Takes llama.cpp's and ggml's log lines, which otherwise go to the process's stderr, and hands whole lines with their level in front
/// (<c>I </c>, <c>W </c>, <c>E </c>) to all listeners. Debug lines are dropped: some are written per computation, and the timed loop must
/// not allocate. Lives as long as the process, since the callback does.
/// </summary>
internal sealed unsafe class NativeLog
{
    private readonly Lock _lock = new();
    private readonly ArrayBufferWriter<byte> _line = new();
    private ImmutableArray<Action<string>> _listeners = [];
    private ggml_log_level _level = ggml_log_level.NONE;
    private bool _dropping;

    /// <summary>Becomes the library's only log receiver.</summary>
    public void Attach()
    {
        nint self = GCHandle.ToIntPtr(GCHandle.Alloc(this));
        NativeMethods.ggml_log_set(&OnText, self);
        NativeMethods.llama_log_set(&OnText, self);
    }

    /// <summary>Hands lines to a listener until the answer is disposed.</summary>
    public IDisposable Listen(Action<string> listener)
    {
        lock (_lock) _listeners = _listeners.Add(listener);
        return new Listening(this, listener);
    }

    /// <summary>Collects lines until the answer is disposed.</summary>
    public NativeLogCapture Capture() => new(this);

    [UnmanagedCallersOnly]
    private static void OnText(ggml_log_level level, byte* text, nint self)
    {
        try
        {
            if (GCHandle.FromIntPtr(self).Target is NativeLog log)
                log.Take(level, MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
        }
        catch
        {
            // An exception can't cross native frames; a log line that a listener fails on isn't worth the process.
        }
    }

    private static string Prefix(ggml_log_level level) => level switch
    {
        ggml_log_level.ERROR => "E ",
        ggml_log_level.WARN => "W ",
        ggml_log_level.INFO => "I ",
        _ => "",
    };

    /// <summary>Takes a part of a line, as ggml hands it out.</summary>
    internal void Take(ggml_log_level level, ReadOnlySpan<byte> text)
    {
        lock (_lock)
        {
            if (level != ggml_log_level.CONT)
            {
                _dropping = level == ggml_log_level.DEBUG;
                if (!_dropping)
                {
                    if (_line.WrittenCount > 0) Flush(); // an unfinished line of another message
                    _level = level;
                }
            }

            if (_dropping) return;
            while (text.IndexOf((byte)'\n') is >= 0 and int end)
            {
                _line.Write(text[..end]);
                Flush();
                text = text[(end + 1)..];
            }

            _line.Write(text);
        }
    }

    private void Flush()
    {
        string line = Encoding.UTF8.GetString(_line.WrittenSpan).TrimEnd();
        _line.ResetWrittenCount();
        if (line.Length == 0) return;
        line = Prefix(_level) + line;
        foreach (Action<string> listener in _listeners) listener(line);
    }

    private sealed class Listening(NativeLog log, Action<string> listener) : IDisposable
    {
        public void Dispose()
        {
            lock (log._lock) log._listeners = log._listeners.Remove(listener);
        }
    }
}
