using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Runner.Tests.Workers;

/// <summary>An engine that fails as its own setting asks. Everything the program knows of it is <see cref="Registration"/>.</summary>
internal sealed class FaultyEngine : IEngine, ILogitsEngine
{
    private static readonly SettingDefinition s_fault = new(
        "faulty_at", SettingKind.Text, "nothing", "where it fails", Choices: ["nothing", "load", "model", "session", "ability"]);

    public static EngineRegistration Registration { get; } = new(
        new EngineFacts("faulty", "fails as told", "one")
        {
            Formats = ["gguf"],
            Settings = [s_fault],
            Check = s => s.Text("kv_type") == "iq4_nl" ? ("faulty keeps no iq4_nl", "set kv_type: f16") : null,
        },
        _ => new FaultyEngine(), _ => []);

    public string Name => Registration.Name;

    public string Build => "faulty 1";

    public ImmutableArray<EngineDevice> Devices() => [new("one", "", Support.Yes), new("two", "", Support.No("faulty/two: it is broken"))];

    public Support CanRun(Artifact artifact, string device) =>
        artifact.Path == "/odd.gguf" ? Support.No("faulty: odd models aren't run") : Support.Yes;

    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken) =>
        options.Settings.Text(s_fault) switch
        {
            "load" => throw new EngineException("faulty: no memory.", "Free some."),
            "model" => throw new ModelFormatException(artifact.Path, 12, "cut.", "Fetch it again."),
            var fault => new Model(fault),
        };

    public void Dispose()
    {
    }

    private sealed class Model(string fault) : ILoadedModel
    {
        public int VocabularySize => 4;

        public long ParameterCount => 1;

        public int TrainedContextLength => 0;

        public string DeviceUsed => "one";

        public IInferenceSession CreateSession(SessionOptions options) => fault switch
        {
            "session" => throw new EngineException("faulty: no session."),
            "ability" => throw new UnsupportedException("faulty", "it has no sessions of this kind.", "Ask for another."),
            _ => new Session(),
        };

        public void Dispose()
        {
        }
    }

    private sealed class Session : IInferenceSession
    {
        public EngineMemory Memory => default;

        public void Append(TokenBatch batch, CancellationToken cancellationToken)
        {
        }

        public ReadOnlySpan<float> Logits(int row) => new float[4];

        public void Reset()
        {
        }

        public void Truncate(int sequence, int length)
        {
        }

        public void Dispose()
        {
        }
    }
}
