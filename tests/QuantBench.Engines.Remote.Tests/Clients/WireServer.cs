using System.Net;
using System.Net.Sockets;
using System.Text;

namespace QuantBench.Engines.Remote.Tests.Clients;

/// <summary>A server that answers each request with the bytes that a test gives for its path, and remembers what it was asked.</summary>
internal sealed class WireServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<string, string, string> _answer;

    /// <param name="answer">Path and body to a whole HTTP answer; an empty one closes the connection.</param>
    public WireServer(Func<string, string, string> answer)
    {
        _answer = answer;
        _listener.Start();
        Url = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _ = AcceptAsync();
    }

    public string Url { get; }

    public List<string> Requests { get; } = [];

    /// <summary>An answer with a length; the connection stays.</summary>
    public static string Answer(string body, string type = "application/json", string status = "200 OK", string head = "") =>
        $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{head}\r\n{body}";

    /// <summary>A stream whose end is the end of the connection.</summary>
    public static string Stream(string body, string type = "text/event-stream") =>
        $"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nConnection: close\r\n\r\n{body}";

    public void Dispose() => _listener.Stop();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Closed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            NetworkStream stream = client.GetStream();
            byte[] one = new byte[1];
            while (true)
            {
                var head = new StringBuilder();
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    if (await stream.ReadAsync(one) == 0) return;
                    head.Append((char)one[0]);
                }

                string text = head.ToString();
                int length = text.Split("\r\n").Where(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                    .Select(l => int.Parse(l[15..])).FirstOrDefault();
                byte[] body = new byte[length];
                await stream.ReadExactlyAsync(body);
                lock (Requests) Requests.Add(text + Encoding.UTF8.GetString(body));
                string answer = _answer(text.Split(' ')[1], Encoding.UTF8.GetString(body));
                await stream.WriteAsync(Encoding.UTF8.GetBytes(answer));
                if (!answer.Contains("Content-Length:", StringComparison.Ordinal)) return;
            }
        }
    }
}
