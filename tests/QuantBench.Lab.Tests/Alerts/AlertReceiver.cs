using System.Net;
using System.Net.Sockets;
using System.Text;

namespace QuantBench.Lab.Tests.Alerts;

/// <summary>Takes alerts as a chat's webhook and as a mail server do: real sockets, a connection at a time.</summary>
internal sealed class AlertReceiver : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<StreamReader, StreamWriter, AlertReceiver, Task> _talk;

    private AlertReceiver(Func<StreamReader, StreamWriter, AlertReceiver, Task> talk)
    {
        _talk = talk;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Whether it refuses what comes.</summary>
    public bool Refuses { get; set; }

    public List<string> Taken { get; } = [];

    public static AlertReceiver Webhook() => new(async (input, output, self) =>
    {
        int length = 0;
        while (await input.ReadLineAsync() is { Length: > 0 } line)
        {
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                length = int.Parse(line[15..], System.Globalization.CultureInfo.InvariantCulture);
        }

        char[] body = new char[length]; // ASCII in these tests
        await input.ReadBlockAsync(body);
        if (!self.Refuses) self.Taken.Add(new string(body));
        string status = self.Refuses ? "503 Busy" : "200 OK";
        await output.WriteAsync($"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });

    public static AlertReceiver Mail() => new(async (input, output, self) =>
    {
        await output.WriteAsync("220 mail\r\n");
        await output.FlushAsync();
        while (await input.ReadLineAsync() is { } line)
        {
            string answer = "250 ok";
            if (line == "DATA")
            {
                await output.WriteAsync("354 go on\r\n");
                await output.FlushAsync();
                var mail = new StringBuilder();
                while (await input.ReadLineAsync() is { } text && text != ".") mail.Append(text).Append('\n');
                self.Taken.Add(mail.ToString());
            }
            else if (line == "QUIT")
            {
                answer = "221 bye";
            }
            else if (self.Refuses && line.StartsWith("RCPT", StringComparison.Ordinal))
            {
                answer = "550 nobody of that name";
            }

            await output.WriteAsync(answer + "\r\n");
            await output.FlushAsync();
        }
    });

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                using var input = new StreamReader(client.GetStream(), Encoding.UTF8, leaveOpen: true);
                await using var output = new StreamWriter(client.GetStream(), new UTF8Encoding(false), leaveOpen: true);
                await _talk(input, output, this);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // Over.
        }
    }
}
