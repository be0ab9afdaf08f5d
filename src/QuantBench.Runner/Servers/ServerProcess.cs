using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Servers;

/// <summary>
/// A server that the run started, with everything it starts itself: a session of its own, so that all of it can be measured and ended. It
/// ends with this object, and with this program, however that dies: a shell between the two watches a pipe.
/// </summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int TailLines = 6;

    // Reads its standard input to the end: what closes it is this program's end, or Stop. Asked first, killed after five seconds.
    private const string Guard =
        """
        trap '' INT
        exec 3<&0
        if command -v setsid >/dev/null; then set -- setsid "$@"; fi
        "$@" </dev/null >&2 3<&- &
        server=$!
        echo "$server"
        exec >/dev/null 2>&1
        end() { kill -s "$1" -- "-$server" || kill -s "$1" "$server"; }
        (
            read -r _ <&3
            end TERM
            tries=0
            while [ $tries -lt 50 ] && { kill -0 -- "-$server" || kill -0 "$server"; }; do sleep 0.1; tries=$((tries + 1)); done
            end KILL
        ) &
        guard=$!
        wait "$server"
        code=$?
        end KILL
        kill "$guard"
        exit $code
        """;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_census = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_death = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(2);

    // Reading it walks the server's page tables: at most this share of the time.
    private const double ProportionalShare = 0.005;

    private readonly SuiteServer _server;
    private readonly TimeProvider _clock;
    private readonly Process _process;
    private readonly WorkerLog _log;
    private readonly Task _copying;
    private readonly Task _watching;
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private ServerMemory _peak;
    private bool _stopping;

    private ServerProcess(SuiteServer server, int port, Process process, int processId, WorkerLog log, Task copying, TimeProvider clock)
    {
        (_server, _process, ProcessId, _log, _copying, _clock) = (server, process, processId, log, copying, clock);
        Address = new Uri($"http://127.0.0.1:{port}");
        Exited = _process.WaitForExitAsync(CancellationToken.None);
        _watching = WatchAsync(_ended.Token);
    }

    /// <summary>Where it answers.</summary>
    public Uri Address { get; }

    /// <summary>Its process.</summary>
    public int ProcessId { get; }

    /// <summary>Ends when it does, by itself or by <see cref="DisposeAsync"/>.</summary>
    public Task Exited { get; }

    /// <summary>Starts a server and waits until it is ready.</summary>
    /// <param name="server">What to start.</param>
    /// <param name="variant">Id of the variant that it is for.</param>
    /// <param name="modelPath">Path of the artifact; null when there is none.</param>
    /// <param name="directory">The suite's directory; it is the server's, too.</param>
    /// <param name="logPath">File for what it writes.</param>
    /// <param name="clock">For limits.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <exception cref="EngineException">It isn't there, died, or wasn't ready in time.</exception>
    /// <exception cref="UnsupportedException">This system's processes can't be kept together.</exception>
    public static async Task<ServerProcess> StartAsync(SuiteServer server, string variant, string? modelPath, string directory,
        string logPath, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        if (OperatingSystem.IsWindows())
            throw new UnsupportedException($"server '{server.Id}'", "servers are started on Linux and macOS only",
                "Start it yourself and name its address as the backend.");
        int port = server.Port > 0 ? await CheckedPortAsync(server, cancellationToken) : FreePort();
        string Fill(string text) => text
            .Replace(SuiteServer.PortMark, port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace(SuiteServer.VariantMark, variant, StringComparison.Ordinal)
            .Replace(SuiteServer.ModelMark, modelPath ?? "", StringComparison.Ordinal);
        var info = new ProcessStartInfo("/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = directory,
            ArgumentList = { "-c", Guard, "sh", Program(server, directory) },
        };
        foreach (string argument in server.Command.Skip(1)) info.ArgumentList.Add(Fill(argument));
        foreach ((string name, string value) in server.Environment) info.Environment[name] = Fill(value);
        Process process = Start(info, server);
        var log = new WorkerLog(logPath);
        Task copying = log.CopyAsync(process.StandardError.BaseStream, CancellationToken.None);
        string? line = await process.StandardOutput.ReadLineAsync(cancellationToken);
        if (!int.TryParse(line, CultureInfo.InvariantCulture, out int id))
        {
            process.Dispose();
            throw new EngineException($"the server '{server.Id}' couldn't be started: the shell said nothing.");
        }

        var started = new ServerProcess(server, port, process, id, log, copying, clock);
        try
        {
            await started.WaitUntilReadyAsync(cancellationToken);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>How it died, with its last log lines; null while it runs.</summary>
    public async Task<string?> DeathAsync()
    {
        if (!Exited.IsCompleted) return null;
        await EndsWithinAsync(_copying, s_drain); // its last words are on their way
        return $"the server '{_server.Id}' {ExitReason.OfServer(_process.ExitCode)}{Tail()}";
    }

    /// <summary>Largest memory of its process tree since this was asked last.</summary>
    public ServerMemory TakePeak()
    {
        Sample(ProcessTree.Of(ProcessId), proportional: true);
        lock (_gate)
        {
            ServerMemory peak = _peak;
            _peak = default;
            return peak;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_stopping) return;
        _stopping = true;
        IReadOnlyList<int> members = Exited.IsCompleted ? [] : ProcessTree.Of(ProcessId);
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The shell is gone already.
        }

        if (!await EndsWithinAsync(Exited, s_death)) _process.Kill(entireProcessTree: true);
        // Whoever left the session is ended by its id.
        foreach (int id in ProcessTree.Of(ProcessId).Where(members.Contains)) Kill(id);
        await EndsWithinAsync(_copying, s_drain);
        await _ended.CancelAsync();
        await _watching;
        _process.Dispose();
        _ended.Dispose();
    }

    private static Process Start(ProcessStartInfo info, SuiteServer server)
    {
        try
        {
            return Process.Start(info) ?? throw new EngineException($"the server '{server.Id}' couldn't be started.");
        }
        catch (Win32Exception e)
        {
            throw new EngineException($"the server '{server.Id}' couldn't be started: {e.Message}", inner: e);
        }
    }

    private static string Program(SuiteServer server, string directory)
    {
        string name = server.Command[0];
        if (name.Contains('/', StringComparison.Ordinal))
        {
            string path = Path.GetFullPath(name, Path.GetFullPath(directory));
            return File.Exists(path) ? path
                : throw new EngineException($"the server '{server.Id}' has no program {path}.", "Mend 'command' in the suite.");
        }

        return (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists)
            ?? throw new EngineException($"the server '{server.Id}' needs the program '{name}', which isn't on PATH.",
                "Install it, add its directory to PATH, or write its path in the suite's 'command'.");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    // Another server on the port would answer in its place.
    private static async Task<int> CheckedPortAsync(SuiteServer server, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, server.Port, cancellationToken);
        }
        catch (SocketException)
        {
            return server.Port;
        }

        throw new EngineException($"the server '{server.Id}' is to listen on port {server.Port}, where something answers already.",
            "End that, or take another port; without 'port' a free one is taken.");
    }

    private static void Kill(int id)
    {
        try
        {
            using Process member = Process.GetProcessById(id);
            member.Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It has just ended by itself.
        }
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(5) };
        var health = new Uri(Address, _server.Health);
        long start = _clock.GetTimestamp();
        string last = "nothing answered";
        while (true)
        {
            if (await DeathAsync() is { } death)
                throw new EngineException($"{death}, before it was ready.", "Mend 'command' in the suite.");
            try
            {
                using HttpResponseMessage answer =
                    await client.GetAsync(health, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                if (answer.IsSuccessStatusCode) return;
                last = $"its last answer was {(int)answer.StatusCode}";
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                // Not yet.
            }

            if (_clock.GetElapsedTime(start) > _server.ReadyTimeout)
            {
                throw new EngineException(
                    $"the server '{_server.Id}' wasn't ready within {_server.ReadyTimeout.TotalSeconds:0.###} s: {last} at "
                        + $"{health.AbsolutePath}{Tail()}.", "Raise 'ready_timeout', or mend 'health' or 'command' in the suite.");
            }

            await Task.WhenAny(Exited, Task.Delay(s_poll, _clock, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(s_poll, _clock);
        IReadOnlyList<int> members = [];
        long census = 0, proportional = 0;
        TimeSpan pause = s_census;
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (census == 0 || _clock.GetElapsedTime(census) >= s_census)
                {
                    members = ProcessTree.Of(ProcessId);
                    census = _clock.GetTimestamp();
                }

                bool due = proportional == 0 || _clock.GetElapsedTime(proportional) >= pause;
                long before = _clock.GetTimestamp();
                Sample(members, due);
                if (!due) continue;
                proportional = _clock.GetTimestamp();
                TimeSpan earned = _clock.GetElapsedTime(before, proportional) / ProportionalShare;
                pause = earned > s_census ? earned : s_census;
            }
        }
        catch (OperationCanceledException)
        {
            // It has ended.
        }
    }

    private void Sample(IReadOnlyList<int> members, bool proportional)
    {
        long resident = ProcessTree.Resident(members);
        long? shared = proportional ? ProcessTree.Proportional(members) : null;
        lock (_gate)
        {
            if (resident > 0) _peak = _peak with { ResidentBytes = Math.Max(resident, _peak.ResidentBytes ?? 0) };
            if (shared is { } bytes) _peak = _peak with { ProportionalBytes = Math.Max(bytes, _peak.ProportionalBytes ?? 0) };
        }
    }

    private string Tail() => _log.Tail(TailLines) is { Length: > 0 } tail ? $"; last log lines: {tail}" : "";

    private async Task<bool> EndsWithinAsync(Task task, TimeSpan limit)
    {
        using var timer = new CancellationTokenSource();
        Task first = await Task.WhenAny(task, Task.Delay(limit, _clock, timer.Token));
        await timer.CancelAsync();
        return first == task;
    }
}
