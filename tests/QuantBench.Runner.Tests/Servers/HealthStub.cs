using System.Net;
using System.Net.Sockets;

namespace QuantBench.Runner.Tests.Servers;

/// <summary>Answers for the health of servers that are shell scripts.</summary>
internal sealed class HealthStub : IDisposable
{
    private readonly HttpListener _listener = new();

    public HealthStub()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        int port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        Url = $"http://127.0.0.1:{port}/health";
        _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        _listener.Start();
        _ = AnswerAsync();
    }

    public string Url { get; }

    /// <summary>How often it was asked.</summary>
    public int Asked { get; private set; }

    /// <summary>The first question that it says yes to.</summary>
    public int ReadyAt { get; set; }

    public void Dispose() => _listener.Close();

    private async Task AnswerAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                HttpListenerContext asked = await _listener.GetContextAsync();
                asked.Response.StatusCode = ++Asked >= ReadyAt ? 200 : 503;
                asked.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
