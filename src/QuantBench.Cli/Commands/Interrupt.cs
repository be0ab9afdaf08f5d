using System.Runtime.InteropServices;
using QuantBench.Cli.Composition;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary>Ctrl-C: the first stops the run cleanly, the second ends the program at once. SIGTERM counts the same.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private readonly TextWriter _error;
    private int _count;

    /// <summary>Starts listening.</summary>
    /// <param name="error">Receives what happens next.</param>
    public Interrupt(TextWriter error)
    {
        _error = error;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _count) == 1)
        {
            _error.WriteLine("stopping (Ctrl-C again: at once) ...");
            _source.Cancel();
            return;
        }

        // Workers end with their standard input; finished cells are on the disk already.
        if (!Console.IsErrorRedirected) _error.Write("\u001b[?25h"); // the progress display hides the cursor
        WorkerIo.ExitNow(ExitCode.Interrupted);
    }
}
