using System.Net.Sockets;
using System.Text;

namespace QuantBench.StubServer;

/// <summary>One streamed answer, each part written at its moment.</summary>
internal sealed class Answer(Socket socket, StubOptions options, string fault, int tokens, long receivedNs)
{
    private static readonly byte[] s_head = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nServer: stub/1\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");

    private static readonly byte[] s_token = Chunk(Event(
        """{"id":"c","model":"stub:q4_0","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"""));
    private static readonly byte[] s_thought = Chunk(Event("""{"choices":[{"index":0,"delta":{"reasoning_content":" hm"}}]}"""));
    private static readonly byte[] s_first = [.. s_head, .. s_token];
    private static readonly byte[] s_firstThought = [.. s_head, .. s_thought];

    private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long[] _sent = new long[tokens];
    private double[] _delays = [];
    private Scheduler? _scheduler;
    private long _dueNs;
    private int _next;

    public long ReceivedNs => receivedNs;

    public IEnumerable<long> SentNs => _sent.Take(_next);

    /// <summary>Whether the connection goes on.</summary>
    public Task<bool> Ended => _ended.Task;

    public static string Event(string json) => $"data: {json}\n\n";

    public void Schedule(Scheduler scheduler, long startNs, double[] delays)
    {
        (_scheduler, _delays) = (scheduler, delays);
        _dueNs = startNs + (long)(delays[0] * 1e6);
        scheduler.At(_dueNs, Next);
    }

    private void Next()
    {
        try
        {
            if (fault != "none" && fault != "never" && fault != "lie" && _next == Math.Min(2, tokens - 1))
            {
                Fail();
                return;
            }

            int at = Math.Min(_next, tokens - 1);
            bool thought = _next < options.Reasoning;
            Send(_next == 0 ? thought ? s_firstThought : s_first : thought ? s_thought : s_token);
            _sent[at] = Scheduler.NowNs;
            _next++;
            bool last = fault == "lie" ? _next >= (tokens + 1) / 2 : _next >= tokens;
            if (last && fault != "never")
            {
                int said = fault == "lie" ? tokens * 3 : tokens;
                Send(Chunk(Event("""{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}""")
                    + Event($$$"""{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":{{{said}}}}}""")
                    + "data: [DONE]\n\n", last: true));
                _ended.SetResult(true);
                return;
            }

            if (_next > tokens) _next = tokens;
            _dueNs += (long)((fault == "never" ? 50 : _delays[Math.Min(_next, tokens - 1)]) * 1e6);
            _scheduler!.At(_dueNs, Next); // set before the first
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            _ended.TrySetResult(false); // the client went away
        }
    }

    private void Fail()
    {
        switch (fault)
        {
            case "stall":
                break; // nothing more, and the connection stays
            case "malformed":
                Send(Chunk("data: {\"choices\":[{\"delta\":{\"content\":\n\n"));
                _ended.SetResult(false);
                break;
            case "halfclose":
                Send(Encoding.ASCII.GetBytes("40\r\ndata: {\"choi"));
                socket.Shutdown(SocketShutdown.Send);
                _ended.SetResult(false);
                break;
        }
    }

    private void Send(byte[] bytes)
    {
        int sent = socket.Send(bytes, SocketFlags.None);
        if (sent != bytes.Length) throw new SocketException((int)SocketError.NoBufferSpaceAvailable);
    }

    private static byte[] Chunk(string text, bool last = false)
    {
        byte[] data = Encoding.UTF8.GetBytes(text);
        return [.. Encoding.ASCII.GetBytes($"{data.Length:x}\r\n"), .. data, .. Encoding.ASCII.GetBytes(last ? "\r\n0\r\n\r\n" : "\r\n")];
    }
}
