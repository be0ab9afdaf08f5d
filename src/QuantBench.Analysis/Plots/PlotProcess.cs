using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core.Errors;

namespace QuantBench.Analysis.Plots;

/// <summary>
/// Draws in a process of its own, so that a crash of the native library ends that process and nothing else. It is started with the first
/// drawing, and again when it has died; what was drawn lately is kept.
/// </summary>
/// <param name="fileName">Program that calls <see cref="Serve"/>.</param>
/// <param name="arguments">Its arguments.</param>
/// <param name="clock">For the time limit.</param>
public sealed class PlotProcess(string fileName, IReadOnlyList<string> arguments, TimeProvider clock) : IPlotPen, IDisposable
{
    private const int MostKept = 512;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, PlotReply> _kept = new(StringComparer.Ordinal);
    private Process? _process;
    private bool _disposed;

    /// <summary>Number of the process that draws; null while there is none.</summary>
    public int? ProcessId { get; private set; }

    /// <summary>The inside of the process: draws what each line asks until the input ends.</summary>
    /// <param name="input">Requests.</param>
    /// <param name="output">Answers.</param>
    public static void Serve(TextReader input, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        var pen = new ScottPlotPen();
        while (input.ReadLine() is { } line)
        {
            PlotReply reply;
            try
            {
                reply = JsonSerializer.Deserialize(line, PlotJson.Default.PlotRequest) switch
                {
                    { Scene: { } scene } => new PlotReply(pen.Draw(scene), null, null),
                    { Svg: { } svg } => new PlotReply(null, pen.Png(svg), null),
                    _ => new PlotReply(null, null, "nothing was asked for"),
                };
            }
            catch (Exception e)
            {
                // Whatever the library throws is the answer; the next drawing may do.
                reply = new PlotReply(null, null, e.Message);
            }

            output.WriteLine(JsonSerializer.Serialize(reply, PlotJson.Default.PlotReply));
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public string Draw(PlotScene scene) => Ask(new PlotRequest(scene, null)).Svg ?? "";

    /// <inheritdoc/>
    public byte[] Png(string svg) => Ask(new PlotRequest(null, svg)).Png ?? [];

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            End();
        }
    }

    private PlotReply Ask(PlotRequest request)
    {
        string line = JsonSerializer.Serialize(request, PlotJson.Default.PlotRequest);
        string key = Convert.ToHexString(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(line)));
        lock (_gate)
        {
            if (_kept.TryGetValue(key, out PlotReply? have)) return have;
            // Once more in a new process: the first may have died of an earlier drawing, or by somebody's hand.
            PlotReply reply = Try(line) ?? Try(line)
                ?? throw new RequestException("the figure can't be drawn: the process that draws ended.", "Its data are in the table.");
            if (reply.Problem is { } problem)
                throw new RequestException($"the figure can't be drawn: {problem}", "Its data are in the table.");
            if (_kept.Count >= MostKept) _kept.Clear();
            return _kept[key] = reply;
        }
    }

    private PlotReply? Try(string line)
    {
        try
        {
            Process process = _process is { HasExited: false } running ? running : Start();
            using ITimer limit = clock.CreateTimer(_ => Kill(process), null, s_limit, Timeout.InfiniteTimeSpan);
            process.StandardInput.WriteLine(line);
            process.StandardInput.Flush();
            if (process.StandardOutput.ReadLine() is { } answer) return JsonSerializer.Deserialize(answer, PlotJson.Default.PlotReply);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            // It died while it was asked or in the middle of its answer.
        }

        End();
        return null;
    }

    private Process Start()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        End();
        var info = new ProcessStartInfo(fileName) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        try
        {
            _process = Process.Start(info);
        }
        catch (Win32Exception e)
        {
            throw new RequestException($"the figure can't be drawn: '{fileName}' can't be started: {e.Message}", inner: e);
        }

        ProcessId = _process?.Id;
        return _process ?? throw new RequestException($"the figure can't be drawn: '{fileName}' can't be started.");
    }

    private void End()
    {
        if (_process is null) return;
        Kill(_process);
        _process.Dispose();
        (_process, ProcessId) = (null, null);
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended by itself.
        }
    }
}
