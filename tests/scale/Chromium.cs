using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace QuantBench.Scale;

/// <summary>A headless Chromium, driven by its own debugging protocol.</summary>
internal sealed class Chromium : IDisposable
{
    private readonly Process _process;
    private readonly string _profile;
    private readonly HttpClient _http;

    private Chromium(Process process, string profile, int port)
    {
        (_process, _profile) = (process, profile);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
    }

    /// <summary>Starts it; <c>QB_CHROMIUM</c> names another program than <c>chromium</c>.</summary>
    public static async Task<Chromium> StartAsync(CancellationToken stop)
    {
        string profile = Directory.CreateTempSubdirectory("quantbench-chromium-").FullName;
        var info = new ProcessStartInfo(Environment.GetEnvironmentVariable("QB_CHROMIUM") ?? "chromium")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true
        };
        foreach (string argument in (string[])
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync",
            "--remote-debugging-port=0", $"--user-data-dir={profile}", "about:blank",
        ]) info.ArgumentList.Add(argument);
        Process process = Process.Start(info) ?? throw new InvalidOperationException("Chromium can't be started");
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        string file = Path.Combine(profile, "DevToolsActivePort");
        for (int i = 0; ; i++)
        {
            if (process.HasExited || i > 300) throw new InvalidOperationException("Chromium doesn't answer");
            if (File.Exists(file) && await File.ReadAllLinesAsync(file, stop) is { Length: > 1 } lines)
                return new Chromium(process, profile, int.Parse(lines[0], null));
            await Task.Delay(100, stop);
        }
    }

    /// <summary>Opens a tab.</summary>
    public async Task<ChromiumTab> OpenAsync(CancellationToken stop)
    {
        using HttpResponseMessage answer = await _http.PutAsync("/json/new?about:blank", null, stop);
        JsonElement target = await answer.Content.ReadFromJsonAsync<JsonElement>(stop);
        return await ChromiumTab.ConnectAsync(
            target.GetProperty("webSocketDebuggerUrl").GetString() ?? throw new InvalidOperationException("no tab"), stop);
    }

    public void Dispose()
    {
        _http.Dispose();
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_profile, recursive: true);
    }
}
