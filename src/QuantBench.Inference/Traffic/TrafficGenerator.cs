using System.Collections.Concurrent;
using System.Collections.Immutable;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Traffic;

/// <summary>
/// Sends a plan's requests and writes down what comes when. One thread does nothing but send at the right moments; replies are read on the
/// pool; another thread watches whether this process itself stood still. What can't be sent in time isn't sent late in a burst: it is
/// missed, and its window marked. Load goes on after the measured time until its last request has ended, so that all of them meet the same
/// load. Made for one <see cref="Run"/>.
/// </summary>
internal sealed class TrafficGenerator
{
    /// <summary>Lateness from which a moment counts as missed, and a pause of this process as a stall.</summary>
    public const long StallNs = 20_000_000;

    private const long WatchNs = 5_000_000;
    private const long SliceNs = 50_000_000;
    private const long TurnSliceNs = 500_000;

    // A server that answers nothing any more: so many failures in a row, over so long a time, end the load.
    private const int MostFailuresInARow = 20;
    private const long LeastFailingNs = 2_000_000_000;

    // A reply may be longer than asked for: servers count a word in pieces. Not this much longer.
    private const int MostTimesWanted = 4;
    private const int FurtherParts = 256;
    private const int CharactersPerToken = 1024;
    private const int MostKeptCharacters = 64 << 10;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    private readonly IServerClient _client;
    private readonly TrafficPlan _plan;
    private readonly RequestFactory _factory;
    private readonly TimeProvider _clock;
    private readonly Action<long, long> _progress;
    private readonly long _start;
    private readonly ConcurrentQueue<RequestRecord> _requests = new();
    private readonly ConcurrentDictionary<int, RequestRecord> _open = new();
    private readonly PriorityQueue<Turn, long> _turns = new();
    private readonly List<(long FromNs, long ToNs)> _stalls = [];
    private readonly List<double> _dispatch = [];
    private readonly long _fromNs;
    private long _toNs;
    private int _sent;
    private int _measured;
    private int _openCount; // counting the dictionary takes all of its locks
    private int _measuredOpen;
    private int _missed;
    private int _held;
    private long _missedUntilNs;
    private int _failuresInARow;
    private long _lastAnswerNs;
    private long _heartbeatNs;
    private volatile bool _stopping;
    private volatile bool _watching = true;
    private Exception? _fault;
    private string _priority = PacePriority.Usual;

    /// <summary>A generator.</summary>
    /// <param name="client">Speaks to the server.</param>
    /// <param name="plan">What is sent when.</param>
    /// <param name="model">The server's name of the model.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="progress">Receives requests ended and open, about every second.</param>
    public TrafficGenerator(IServerClient client, TrafficPlan plan, string model, TimeProvider clock, Action<long, long> progress)
    {
        (_client, _plan, _clock, _progress) = (client, plan, clock, progress);
        _factory = new RequestFactory(plan, model);
        _fromNs = (long)(plan.WarmUpSeconds * 1e9);
        _toNs = _fromNs + (long)(plan.Seconds * 1e9);
        if (plan.Arrivals == ArrivalKind.Trace) _toNs = Math.Min(_toNs, (long)(plan.Trace[^1].Seconds / plan.Rate * 1e9) + 1);
        _start = clock.GetTimestamp();
    }

    /// <summary>Sends and reads until the measured time's requests have ended.</summary>
    /// <param name="cancellationToken">Drops all.</param>
    /// <exception cref="ServerException">The server answers nothing any more.</exception>
    public TrafficLog Run(CancellationToken cancellationToken)
    {
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        (int collections, TimeSpan collected) = (GC.CollectionCount(0), GC.GetTotalPauseDuration());
        bool closed = _plan.Arrivals == ArrivalKind.Closed;
        var watch = new Thread(Watch, 256 << 10) { IsBackground = true, Name = "load watch", Priority = ThreadPriority.AboveNormal };
        var pace = new Thread(Pace, 512 << 10) { IsBackground = true, Name = "load pace", Priority = ThreadPriority.Highest };
        watch.Start();
        pace.Start(closed ? ClosedStarts() : OpenStarts());
        try
        {
            while (!pace.Join(s_look)) cancellationToken.ThrowIfCancellationRequested();
            _stopping = true;
            // What the next load would find in the server's queue; the watch drops what takes too long.
            while (_plan.Drains && !_open.IsEmpty && _fault is null && !cancellationToken.IsCancellationRequested)
                PreciseSleep.For(WatchNs);
        }
        finally
        {
            _stopping = true;
            _watching = false;
            pace.Join();
            watch.Join();
            foreach (RequestRecord open in _open.Values) open.Stop.Cancel();
        }

        if (_fault is { } fault) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        return new TrafficLog
        {
            Requests = [.. _requests.Where(r => r.IsDone).OrderBy(r => r.Index)],
            FromNs = _fromNs,
            ToNs = Volatile.Read(ref _toNs),
            Stalls = Join(_stalls),
            Missed = _missed,
            Held = _held,
            DispatchMs = [.. _dispatch],
            SendPriority = _priority,
            Collections = GC.CollectionCount(0) - collections,
            CollectedMs = (GC.GetTotalPauseDuration() - collected).TotalMilliseconds,
            CpuShare = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / Math.Max(1e-9, Now() / 1e9),
        };
    }

    private long Now() => _clock.GetElapsedTime(_start).Ticks * 100;

    private bool IsMeasured(long intendedNs) => intendedNs >= _fromNs && intendedNs < Volatile.Read(ref _toNs);

    // The load may end: the measured time is over, and so are its requests.
    private bool IsOver(long nowNs) => nowNs >= Volatile.Read(ref _toNs) && Volatile.Read(ref _measuredOpen) == 0;

    private IEnumerable<(long DueNs, TraceEntry? Lengths)> OpenStarts()
    {
        if (_plan.Arrivals != ArrivalKind.Trace)
        {
            foreach (double seconds in ArrivalProcess.Seconds(_plan, new Random(unchecked((int)_plan.Seed))))
                yield return ((long)(seconds * 1e9), null);
        }

        foreach (TraceEntry entry in _plan.Trace) yield return ((long)(entry.Seconds / _plan.Rate * 1e9), entry);
    }

    private IEnumerable<(long DueNs, TraceEntry? Lengths)> ClosedStarts()
    {
        for (int i = 0; i < _plan.Concurrency; i++) yield return (0, null);
    }

    private void Pace(object? starts)
    {
        try
        {
            _priority = PacePriority.Raise();
            foreach ((long due, TraceEntry? lengths) in (IEnumerable<(long, TraceEntry?)>)starts!)
            {
                if (due >= Volatile.Read(ref _toNs) && _plan.Arrivals == ArrivalKind.Trace) break;
                // Made before its moment: a long prompt takes longer to write than a request may be late.
                int index = Interlocked.Increment(ref _sent) - 1;
                (ServerRequest request, int words) = _factory.Make(index, [], lengths);
                if (!WaitUntil(due)) return;
                Start(new Turn(index, 0, request, words), due, closed: _plan.Arrivals == ArrivalKind.Closed);
            }

            // The end of a trace or of a closed loop's starts; what follows is started by what ended.
            WaitUntil(long.MaxValue);
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    /// <summary>Waits, and starts the turns that are due meanwhile.</summary>
    /// <returns>False when the load is over.</returns>
    private bool WaitUntil(long dueNs)
    {
        bool turns = _plan.Turns > 1 || _plan.Arrivals == ArrivalKind.Closed;
        while (true)
        {
            long now = Now();
            if (_stopping || _fault is not null) return false;
            if (dueNs <= now && dueNs < Volatile.Read(ref _toNs)) return true;
            if (IsOver(now)) return false;
            long next = dueNs;
            if (turns)
            {
                lock (_turns)
                {
                    if (_turns.TryPeek(out Turn? turn, out long turnDue) && turnDue < dueNs)
                    {
                        if (turnDue > now)
                        {
                            next = turnDue;
                        }
                        else
                        {
                            _turns.Dequeue();
                            Start(turn, turnDue, closed: true);
                            continue;
                        }
                    }
                }
            }

            if (next <= now) return true;
            PreciseSleep.For(Math.Min(next - now, turns ? TurnSliceNs : SliceNs));
        }
    }

    private void Start(Turn turn, long dueNs, bool closed)
    {
        long now = Now();
        bool measured = IsMeasured(dueNs);
        // A closed loop has no moment to miss: it begins when what was before has ended.
        if (!closed && (now - dueNs > StallNs || dueNs < _missedUntilNs))
        {
            if (measured) _missed++;
            if (now - dueNs > StallNs)
            {
                _missedUntilNs = now; // all of the window, not a burst of its rest
                lock (_stalls) _stalls.Add((dueNs, now));
            }

            return;
        }

        if (Volatile.Read(ref _openCount) >= _plan.MostOpen)
        {
            if (measured) _held++;
            return;
        }

        if (measured)
        {
            Interlocked.Increment(ref _measuredOpen);
            // The last one that is wanted: the measured time ends behind it.
            if (Interlocked.Increment(ref _measured) >= _plan.MostRequests) Volatile.Write(ref _toNs, Math.Max(dueNs + 1, _fromNs + 1));
        }

        var record = new RequestRecord
        {
            Index = turn.Index,
            Turn = turn.Number,
            IntendedNs = dueNs,
            PromptWords = turn.Words,
            Wanted = turn.Request.MaxTokens,
            SentNs = now,
            LastNs = now,
        };
        _requests.Enqueue(record);
        _open[record.Index] = record;
        Interlocked.Increment(ref _openCount);
        _ = ReadAsync(record, turn.Request, measured);
    }

    // Never throws: nobody waits for it.
    private async Task ReadAsync(RequestRecord record, ServerRequest request, bool measured)
    {
        System.Text.StringBuilder? kept = _plan.Turns > 1 ? new() : null;
        try
        {
            await foreach (ReplyPart part in _client.GenerateAsync(request, record.Stop.Token))
            {
                long now = Now();
                record.LastNs = now;
                switch (part.Kind)
                {
                    case ReplyKind.Token or ReplyKind.Reasoning:
                        record.Add(part, now);
                        if (part.Kind == ReplyKind.Token && kept?.Length < MostKeptCharacters) kept.Append(part.Text);
                        Check(record);
                        break;
                    case ReplyKind.Usage: record.Usage = part.Usage; break;
                    case ReplyKind.Timings: record.Timings = part.Timings; break;
                    default: record.Finish = part.Text; break;
                }
            }

            if (record.Parts == 0) (record.Fault, record.Message) = (ServerFault.Malformed, "the reply has no text");
        }
        catch (ServerException e)
        {
            (record.Fault, record.Message) = (e.Fault, e.Message);
        }
        catch (OperationCanceledException)
        {
            (record.Fault, record.Message) = (record.Dropped ?? ServerFault.Timeout,
                record.Dropped == ServerFault.Stalled ? $"nothing came for {_plan.StallTimeoutSeconds} s"
                    : $"it wasn't complete after {_plan.RequestTimeoutSeconds} s");
        }
        catch (Exception e)
        {
            // A fault of ours: the load can't be trusted.
            record.Fault = ServerFault.Malformed;
            Fail(e);
        }

        long end = Now();
        record.EndNs = end;
        _open.TryRemove(record.Index, out _);
        Interlocked.Decrement(ref _openCount);
        Judge(record);
        if (measured) Interlocked.Decrement(ref _measuredOpen);
        if (!_stopping) Continue(record, request, kept?.ToString(), end);
    }

    private static void Check(RequestRecord record)
    {
        if (record.Parts > (MostTimesWanted * (long)record.Wanted) + FurtherParts)
            throw new ServerException(ServerFault.Flooded, $"{record.Wanted} tokens were asked for, {record.Parts} parts came");
        if (record.Characters > CharactersPerToken * ((long)record.Wanted + FurtherParts))
            throw new ServerException(ServerFault.Flooded, $"{record.Wanted} tokens were asked for, {record.Characters} characters came");
    }

    private void Judge(RequestRecord record)
    {
        if (record.Fault is null)
        {
            Volatile.Write(ref _failuresInARow, 0);
            Volatile.Write(ref _lastAnswerNs, record.EndNs);
        }
        else if (Interlocked.Increment(ref _failuresInARow) >= MostFailuresInARow
            && record.EndNs - Volatile.Read(ref _lastAnswerNs) >= LeastFailingNs && !_stopping)
        {
            Fail(new ServerException(record.Fault.Value,
                $"the server answers nothing any more: {MostFailuresInARow} requests in a row failed, the last one: {record.Message}"));
        }
    }

    private void Continue(RequestRecord record, ServerRequest request, string? answer, long endNs)
    {
        bool closed = _plan.Arrivals == ArrivalKind.Closed;
        bool talksOn = record.Fault is null && record.Turn + 1 < _plan.Turns;
        if (!talksOn && !closed) return;
        int index = Interlocked.Increment(ref _sent) - 1;
        ImmutableArray<ServerMessage> before = talksOn ? request.Messages.Add(new ServerMessage("assistant", answer ?? "")) : [];
        (ServerRequest next, int words) = _factory.Make(index, before, null);
        var turn = new Turn(index, talksOn ? record.Turn + 1 : 0, next, words);
        // A server that refuses at once would be hammered; a user who was refused takes a breath, too.
        long due = endNs + (record.Fault is null ? (talksOn ? (long)(_plan.ThinkSeconds * 1e9) : 0) : LeastFailingNs / MostFailuresInARow);
        if (due == endNs && closed) Start(turn, due, closed: true);
        else lock (_turns) _turns.Enqueue(turn, due);
    }

    private void Fail(Exception e) => Interlocked.CompareExchange(ref _fault, e, null);

    private void Watch()
    {
        long before = Now();
        long nextTell = 0;
        long nextScan = 0;
        bool measuring = false;
        while (_watching)
        {
            PreciseSleep.For(WatchNs);
            long now = Now();
            if (now - before - WatchNs > StallNs) lock (_stalls) _stalls.Add((before + WatchNs, now));
            measuring = now >= _fromNs && now < Volatile.Read(ref _toNs);
            long beat = Volatile.Read(ref _heartbeatNs);
            if (beat == 0)
            {
                Volatile.Write(ref _heartbeatNs, now);
                ThreadPool.UnsafeQueueUserWorkItem(Heartbeat, measuring, preferLocal: false);
            }

            if (now >= nextScan)
            {
                nextScan = now + 100_000_000;
                Drop(now);
            }

            if (now >= nextTell)
            {
                nextTell = now + 1_000_000_000;
                _progress(_requests.Count, Volatile.Read(ref _openCount));
            }

            before = Now();
        }
    }

    private void Heartbeat(bool measuring)
    {
        long due = Volatile.Read(ref _heartbeatNs);
        long now = Now();
        if (measuring) lock (_dispatch) _dispatch.Add((now - due) / 1e6);
        if (now - due > StallNs) lock (_stalls) _stalls.Add((due, now));
        Volatile.Write(ref _heartbeatNs, 0);
    }

    private void Drop(long nowNs)
    {
        foreach (RequestRecord open in _open.Values)
        {
            if (open.Dropped is not null) continue;
            if (nowNs - open.LastNs > _plan.StallTimeoutSeconds * 1e9) open.Dropped = ServerFault.Stalled;
            else if (nowNs - open.SentNs > _plan.RequestTimeoutSeconds * 1e9) open.Dropped = ServerFault.Timeout;
            if (open.Dropped is not null) open.Stop.CancelAsync();
        }
    }

    private static ImmutableArray<(long FromNs, long ToNs)> Join(List<(long FromNs, long ToNs)> windows)
    {
        var joined = new List<(long FromNs, long ToNs)>();
        foreach ((long from, long to) in windows.Order())
        {
            if (joined.Count > 0 && from <= joined[^1].ToNs) joined[^1] = (joined[^1].FromNs, Math.Max(joined[^1].ToNs, to));
            else joined.Add((from, to));
        }

        return [.. joined];
    }

    private sealed record Turn(int Index, int Number, ServerRequest Request, int Words);
}
