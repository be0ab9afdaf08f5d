using System.Diagnostics;
using System.Globalization;

namespace QuantBench.Parity;

/// <summary>An engine's process, which works when it is asked.</summary>
internal sealed class SpeedTurn : IDisposable
{
    /// <summary>Threads that it computes with.</summary>
    public const int Threads = 2;

    private readonly Process _process;

    /// <summary>Starts a program of this kind and loads a model.</summary>
    public SpeedTurn(string program, string root, string rival, string backend, string file)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList = { root, rival, "managed-speed-worker", backend, file, $"{Threads}" },
        };
        _process = Process.Start(start)!; // a file name was given
        if (_process.StandardOutput.ReadLine() != "ready") throw new InvalidOperationException($"{backend} didn't load {file}.");
    }

    /// <summary>Asks for a piece of work; answers its figure.</summary>
    public double Ask(string request)
    {
        _process.StandardInput.WriteLine(request);
        return double.Parse(
            _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"an engine ended at '{request}'."),
            CultureInfo.InvariantCulture);
    }

    /// <summary>Ends the process.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
