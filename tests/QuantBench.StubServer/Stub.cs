using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace QuantBench.StubServer;

/// <summary>Answers connections.</summary>
internal sealed class Stub(StubOptions options)
{
    private readonly Scheduler _scheduler = new();
    private readonly ConcurrentQueue<Answer> _answers = new();
    private readonly Random _random = new(options.Seed);
    private int _requests;
    private long _freeNs;

    public async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket socket = await listener.AcceptAsync();
            socket.NoDelay = true;
            _ = ServeAsync(socket);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            byte[] buffer = new byte[64 << 10];
            int held = 0;
            try
            {
                while (true)
                {
                    int head;
                    while ((head = buffer.AsSpan(0, held).IndexOf("\r\n\r\n"u8)) < 0)
                    {
                        int read = await socket.ReceiveAsync(buffer.AsMemory(held));
                        if (read == 0) return;
                        held += read;
                    }

                    string text = Encoding.ASCII.GetString(buffer, 0, head);
                    int length = NumberAfter(text, "Content-Length: ") ?? 0;
                    int all = head + 4 + length;
                    if (all > buffer.Length) Array.Resize(ref buffer, all + 4096);
                    while (held < all)
                    {
                        int read = await socket.ReceiveAsync(buffer.AsMemory(held));
                        if (read == 0) return;
                        held += read;
                    }

                    long received = Scheduler.NowNs;
                    bool open = text.StartsWith("POST", StringComparison.Ordinal)
                        ? await AnswerAsync(socket, buffer.AsMemory(head + 4, length), received)
                        : await GetAsync(socket, text);
                    if (!open) return;
                    buffer.AsSpan(all, held - all).CopyTo(buffer);
                    held -= all;
                }
            }
            catch (SocketException)
            {
                // The client went away.
            }
        }
    }

    private async Task<bool> GetAsync(Socket socket, string head)
    {
        string body = head.StartsWith("GET /truth", StringComparison.Ordinal)
            ? string.Join('\n', _answers.Select(a => string.Join(' ', a.SentNs.Prepend(a.ReceivedNs))))
            : """{"object":"list","data":[{"id":"stub:q4_0"}]}""";
        byte[] bytes = Encoding.UTF8.GetBytes(
            $"HTTP/1.1 200 OK\r\nServer: stub/1\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
        for (int sent = 0; sent < bytes.Length;) sent += await socket.SendAsync(bytes.AsMemory(sent));
        return true;
    }

    private async Task<bool> AnswerAsync(Socket socket, ReadOnlyMemory<byte> body, long received)
    {
        int tokens = NumberAfter(body.Span, "\"max_tokens\":"u8) ?? 16;
        int number = Interlocked.Increment(ref _requests);
        string fault = number > options.After ? options.Fault : "none";
        if (fault == "die") Environment.Exit(3);
        if (fault is "429" or "500")
        {
            const string Refusal = """{"error":"too much"}""";
            await SendAsync(socket, $"HTTP/1.1 {fault} Refused\r\nContent-Length: {Refusal.Length}\r\n\r\n{Refusal}");
            return true;
        }

        if (fault == "error200")
        {
            const string Error = """{"error":{"message":"the model is gone"}}""";
            await SendAsync(socket, $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {Error.Length}\r\n\r\n{Error}");
            return true;
        }

        if (fault is "flood" or "line" or "comments" or "empty" or "body500" or "body200")
        {
            await FloodAsync(socket, fault, options.Megabytes);
            return false;
        }

        var answer = new Answer(socket, options, fault, tokens, received);
        double[] delays = new double[tokens];
        long start;
        lock (_random)
        {
            delays[0] = options.First + Jitter(options.FirstJitter);
            for (int i = 1; i < tokens; i++) delays[i] = options.Gap + Jitter(options.GapJitter);
            start = options.Capacity > 0 ? Math.Max(received, _freeNs) : received;
            if (options.Capacity > 0) _freeNs = start + (long)(1e9 / options.Capacity);
        }

        answer.Schedule(_scheduler, start, delays);
        bool open = await answer.Ended;
        _answers.Enqueue(answer);
        return open;
    }

    // So many MiB as events, events with nothing in them, comments, one line, or a body that is no stream.
    private static async Task FloodAsync(Socket socket, string kind, int megabytes)
    {
        (string status, string type) = kind switch
        {
            "body500" => ("500 Refused", "application/json"),
            "body200" => ("200 OK", "application/json"),
            _ => ("200 OK", "text/event-stream"),
        };
        await SendAsync(socket, $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nConnection: close\r\n\r\n");
        string one = kind switch
        {
            "flood" => Answer.Event("""{"choices":[{"delta":{"content":"word"}}]}"""),
            "empty" => Answer.Event($$"""{"choices":[],"pad":"{{new string('x', 1000)}}"}"""),
            "comments" => $": {new string('x', 1000)}\n",
            _ => "data: " + new string('x', 1000),
        };
        byte[] block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(one, (1 << 20) / one.Length)));
        for (int i = 0; i < megabytes; i++)
        {
            for (int sent = 0; sent < block.Length;) sent += await socket.SendAsync(block.AsMemory(sent));
        }
    }

    private static async Task SendAsync(Socket socket, string text) => await socket.SendAsync(Encoding.ASCII.GetBytes(text));

    private double Jitter(double mean) => mean == 0 ? 0 : -mean * Math.Log(1 - _random.NextDouble());

    private static int? NumberAfter(string text, string mark)
    {
        int at = text.IndexOf(mark, StringComparison.OrdinalIgnoreCase);
        if (at < 0) return null;
        int end = at + mark.Length;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        return int.Parse(text.AsSpan(at + mark.Length, end - at - mark.Length), CultureInfo.InvariantCulture);
    }

    private static int? NumberAfter(ReadOnlySpan<byte> text, ReadOnlySpan<byte> mark)
    {
        int at = text.IndexOf(mark);
        if (at < 0) return null;
        int value = 0;
        foreach (byte c in text[(at + mark.Length)..])
        {
            if (!char.IsAsciiDigit((char)c)) break;
            value = (value * 10) + (c - '0');
        }

        return value;
    }
}
