using System.Diagnostics;
using System.Globalization;

namespace QuantBench.Engines.Remote.Tests.Load;

/// <summary>The stub server in a process of its own.</summary>
internal sealed class StubProcess : IDisposable
{
    private readonly Process _process;

    public StubProcess(params string[] options)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host
            : "dotnet")
        { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "QuantBench.StubServer.dll"));
        foreach (string option in options) start.ArgumentList.Add(option);
        _process = Process.Start(start)!; // redirected, so it is a new one
        string port = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the stub didn't start");
        Url = $"http://127.0.0.1:{port}";
    }

    public string Url { get; }

    public string Device => $"openai@{Url}";

    /// <summary>What the stub really did: per request, when it was read and when each token was written, in its nanoseconds.</summary>
    public async Task<long[][]> TruthAsync()
    {
        using var http = new HttpClient();
        string text = await http.GetStringAsync(new Uri(Url + "/truth"));
        return
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => l.Split(' ').Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray()),
        ];
    }

    public void Dispose()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It ended by itself, as some are told to.
        }

        _process.WaitForExit();
        _process.Dispose();
    }
}
