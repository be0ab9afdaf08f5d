using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Traffic;

/// <summary>A request and what came of it. Times are nanoseconds from the start of the load.</summary>
public sealed class RequestRecord
{
    private const int MostFirstRoom = 1024;

    private long[] _times = [];
    private long _lastNs;

    /// <summary>Number of the request in the order of sending.</summary>
    public required int Index { get; init; }

    /// <summary>Number of its turn in its conversation, from 0.</summary>
    public int Turn { get; init; }

    /// <summary>When it was meant to be sent; latencies count from here.</summary>
    public required long IntendedNs { get; init; }

    /// <summary>Tokens that its prompt was made of, by our words.</summary>
    public int PromptWords { get; init; }

    /// <summary>Tokens that it may be answered with.</summary>
    public required int Wanted { get; init; }

    /// <summary>When it was handed to the client.</summary>
    public long SentNs { get; internal set; }

    /// <summary>When it ended, well or not.</summary>
    public long EndNs { get; internal set; }

    /// <summary>Events with text that came.</summary>
    public int Parts { get; private set; }

    /// <summary>When each of them came.</summary>
    public ReadOnlySpan<long> PartNs => _times.AsSpan(0, Parts);

    /// <summary>Index of the first part that was answer, not reasoning; -1 = none.</summary>
    public int FirstAnswer { get; private set; } = -1;

    /// <summary>Characters that came.</summary>
    public long Characters { get; private set; }

    /// <summary>Tokens that came, counted from the parts.</summary>
    public int CountedTokens { get; private set; }

    /// <summary>Tokens that came: the server's count where it says one.</summary>
    public int Tokens => Usage?.Generated ?? CountedTokens;

    /// <summary>The server's counts.</summary>
    public ServerUsage? Usage { get; internal set; }

    /// <summary>The server's times.</summary>
    public ServerTimings? Timings { get; internal set; }

    /// <summary>Why the reply ended, in the server's words.</summary>
    public string Finish { get; internal set; } = "";

    /// <summary>Why it failed; null when it didn't.</summary>
    public ServerFault? Fault { get; internal set; }

    /// <summary>What is known of the failure.</summary>
    public string? Message { get; internal set; }

    /// <summary>Whether it ended, well or not.</summary>
    public bool IsDone => EndNs > 0;

    /// <summary>Whether it was answered.</summary>
    public bool IsAnswered => IsDone && Fault is null && Parts > 0;

    /// <summary>Why the generator drops it; set before its token is cancelled.</summary>
    internal ServerFault? Dropped { get; set; }

    /// <summary>Drops it.</summary>
    internal CancellationTokenSource Stop { get; } = new();

    /// <summary>When something last came; read by another thread.</summary>
    internal long LastNs
    {
        get => Volatile.Read(ref _lastNs);
        set => Volatile.Write(ref _lastNs, value);
    }

    /// <summary>Adds a part with text.</summary>
    internal void Add(in ReplyPart part, long nowNs)
    {
        if (Parts == _times.Length) Array.Resize(ref _times, Parts > 0 ? Parts * 2 : Math.Clamp(Wanted, 1, MostFirstRoom));
        if (part.Kind == ReplyKind.Token && FirstAnswer < 0) FirstAnswer = Parts;
        _times[Parts++] = nowNs;
        Characters += part.Text.Length;
        CountedTokens += part.Tokens;
    }
}
