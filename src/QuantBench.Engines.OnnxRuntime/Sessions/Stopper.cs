using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Native;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>
/// Runs computations so that a cancellation ends them: ONNX Runtime looks at its terminate flag between nodes. The registration is kept as
/// long as the token stays the same, so that a decode step allocates nothing.
/// </summary>
internal sealed class Stopper : IDisposable
{
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;

    /// <summary>Options of every run.</summary>
    public RunOptions Options { get; } = new();

    /// <summary>Binds the flag to a token.</summary>
    /// <exception cref="OperationCanceledException">It is cancelled already.</exception>
    public void Watch(CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        if (token == _token) return;
        _registration.Dispose();
        _token = token;
        // the state given
        _registration = token.CanBeCanceled ? token.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, Options)
            : default;
    }

    /// <summary>The exception for a run that ended early: stopped, or refused in one sentence.</summary>
    /// <param name="error">What ONNX Runtime threw.</param>
    public Exception Translate(OnnxRuntimeException error) => _token.IsCancellationRequested
        ? new OperationCanceledException(_token)
        : new EngineException($"onnxruntime: a run failed: {OrtErrors.FirstLine(error)}",
            "The model's inputs or operators don't fit what this build computes.", error);

    /// <inheritdoc/>
    public void Dispose()
    {
        _registration.Dispose();
        Options.Dispose();
    }
}
