using System.Net;
using System.Net.Sockets;

namespace QuantBench.Lab.Tests.Agents;

/// <summary>A relay between an agent and its server that a test cuts: altogether, or in one direction.</summary>
internal sealed class CutLink : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly List<Socket> _open = [];

    public CutLink(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public enum Cuts
    {
        /// <summary>Everything passes.</summary>
        None,

        /// <summary>Nothing passes.</summary>
        Both,

        /// <summary>Questions arrive, answers get lost.</summary>
        Answers,
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Cuts Cut { get; private set; }

    public void Set(Cuts cut)
    {
        Cut = cut;
        if (cut == Cuts.Both) Drop();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        Drop();
        _stop.Dispose();
    }

    private void Drop()
    {
        lock (_open)
        {
            foreach (Socket socket in _open) socket.Dispose();
            _open.Clear();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket near = await _listener.AcceptSocketAsync(_stop.Token);
                if (Cut == Cuts.Both)
                {
                    near.Dispose();
                    continue;
                }

                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await far.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                }
                catch (SocketException)
                {
                    far.Dispose();
                    near.Dispose();
                    continue;
                }

                lock (_open) _open.AddRange([near, far]);
                _ = PassAsync(near, far, answers: false);
                _ = PassAsync(far, near, answers: true);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool answers)
    {
        byte[] buffer = new byte[1 << 16];
        try
        {
            for (int got; (got = await from.ReceiveAsync(buffer)) > 0;)
            {
                // What is lost in one direction never comes later either: the connection is dead, though neither end knows.
                if (answers && Cut == Cuts.Answers) return;
                for (int sent = 0; sent < got;) sent += await to.SendAsync(buffer.AsMemory(sent, got - sent));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }

        from.Dispose();
        to.Dispose();
    }
}
