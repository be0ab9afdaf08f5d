using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Parity;

/// <summary>llama.cpp, and after each piece of work a wait of so many per cent of its time: a slowdown of known size.</summary>
/// <param name="inner">llama.cpp.</param>
internal sealed class WaitingEngine(IEngine inner) : IEngine, ILogitsEngine
{
    /// <summary>Environment variable with the per cent.</summary>
    public const string Variable = "QB_PARITY_SLOWER";

    /// <summary>Its name in backend ids.</summary>
    public const string EngineName = "waiting";

    /// <summary>How it is made.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(EngineName, "llama.cpp, slowed down", "cpu") { Formats = ["gguf"] },
        environment => new WaitingEngine(LlamaCppEngine.Registration.Create(environment)),
        environment => LlamaCppEngine.Registration.CreateBuilders(environment));

    public string Name => EngineName;

    public string Build => inner.Build;

    public ImmutableArray<EngineDevice> Devices() => inner.Devices();

    public Support CanRun(Artifact artifact, string device) => ((ILogitsEngine)inner).CanRun(artifact, device);

    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken) =>
        new Model(((ILogitsEngine)inner).Load(artifact, device, options, cancellationToken));

    public void Dispose() => inner.Dispose();

    private sealed class Model(ILoadedModel inner) : ILoadedModel
    {
        public int VocabularySize => inner.VocabularySize;

        public long ParameterCount => inner.ParameterCount;

        public int TrainedContextLength => inner.TrainedContextLength;

        public string DeviceUsed => inner.DeviceUsed;

        public IInferenceSession CreateSession(SessionOptions options) => new Session(inner.CreateSession(options));

        public void Dispose() => inner.Dispose();
    }

    private sealed class Session(IInferenceSession inner) : IInferenceSession
    {
        private readonly double _share =
            double.Parse(Environment.GetEnvironmentVariable(Variable) ?? "0", CultureInfo.InvariantCulture) / 100;

        public EngineMemory Memory => inner.Memory;

        public void Append(TokenBatch batch, CancellationToken cancellationToken)
        {
            long start = Stopwatch.GetTimestamp();
            inner.Append(batch, cancellationToken);
            long end = Stopwatch.GetTimestamp();
            long until = end + (long)((end - start) * _share);
            while (Stopwatch.GetTimestamp() < until) Thread.SpinWait(10);
        }

        public ReadOnlySpan<float> Logits(int row) => inner.Logits(row);

        public void Reset() => inner.Reset();

        public void Truncate(int sequence, int length) => inner.Truncate(sequence, length);

        public void Dispose() => inner.Dispose();
    }
}
