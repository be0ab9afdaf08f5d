using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>
/// A deterministic engine of 37 tokens. Logits depend on the sum of a sequence's tokens and its position by an integer hash that is exact
/// in any language: h = (7919·s + 104729·p + 1299709·i + 31·s·i) mod 10007; logit = (h − 5003)/1024 + shift·((17h + 5i) mod 101 − 50)/512.
/// </summary>
internal sealed class ToyEngine : IEngine, ILogitsEngine, IMemoryPlanner
{
    public const int Vocabulary = 37;

    public float Shift { get; init; }

    /// <summary>What all logits are multiplied by.</summary>
    public float Scale { get; init; } = 1;

    public string DeviceUsed { get; init; } = "cpu";

    public int TrainedContextLength { get; init; } = 4096;

    public int LogitCount { get; init; } = Vocabulary;

    /// <summary>Called at each append, before it computes.</summary>
    public Action<TokenBatch>? OnAppend { get; set; }

    public Action? OnLoad { get; set; }

    /// <summary>Appends after which a NaN shows in the first row; −1 = never.</summary>
    public int NaNAtAppend { get; init; } = -1;

    /// <summary>Whether its sequences can be cut back.</summary>
    public bool CutsBack { get; init; } = true;

    public List<SessionOptions> Sessions { get; } = [];

    public List<string> Calls { get; } = [];

    public string Name => "toy";

    public string Build => "toy 1";

    public ImmutableArray<EngineDevice> Devices() => [new("cpu", "toy", Support.Yes, DeviceBytes)];

    public Support CanRun(Artifact artifact, string device) => Support.Yes;

    /// <summary>What it plans; null = it plans nothing.</summary>
    public MemoryPlan? Planned { get; init; }

    public long? DeviceBytes { get; init; }

    public (SessionOptions Session, int LogitRows)? Asked { get; private set; }

    public MemoryPlan? Plan(Artifact artifact, string device, LoadOptions load, SessionOptions session, int logitRows)
    {
        Asked = (session, logitRows);
        return Planned;
    }

    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        OnLoad?.Invoke();
        return new Model(this);
    }

    public void Dispose()
    {
    }

    public static EvaluationContext Context(IEngine engine, string workload, TimeProvider clock, CellSettings? settings = null,
        EvaluationText? text = null) => new()
        {
            Cell = new Cell("toy", Variant.Parse("gguf:F32"), new BackendId("toy", "cpu"), workload,
            (settings ?? CellSettings.Empty).With("threads", settings?.Has("threads") == true ? settings.Int("threads") : 2L)),
            Artifact = new Artifact("/toy.gguf", Variant.Parse("gguf:F32"), new string('a', 64), 1000, 900, 200),
            Engine = engine,
            Text = text,
            Clock = clock,
            Machine = new ToyMachine(),
            Progress = new ToyProgress(),
        };

    /// <summary>Text with tokens (13i² + 7i + 3) mod 37; a token t stands for t mod 5 + 1 bytes.</summary>
    public static EvaluationText Text(int tokens, int? bos = null)
    {
        int[] ids = new int[tokens];
        ushort[] bytes = new ushort[tokens];
        for (int i = 0; i < tokens; i++)
        {
            ids[i] = (i * i * 13 + i * 7 + 3) % Vocabulary;
            bytes[i] = (ushort)(ids[i] % 5 + 1);
        }

        return new EvaluationText
        {
            Dataset = "toy",
            Tokens = ids,
            TokenBytes = bytes,
            BosToken = bos,
            TextSha256 = new string('1', 64),
            TokenizerSha256 = new string('2', 64),
        };
    }

    private sealed class Model(ToyEngine engine) : ILoadedModel
    {
        public int VocabularySize => engine.LogitCount;

        public long ParameterCount => 200;

        public int TrainedContextLength => engine.TrainedContextLength;

        public string DeviceUsed => engine.DeviceUsed;

        public IInferenceSession CreateSession(SessionOptions options)
        {
            engine.Sessions.Add(options);
            return new Session(engine, options);
        }

        public void Dispose()
        {
        }
    }

    private sealed class Session(ToyEngine engine, SessionOptions options) : IInferenceSession
    {
        private readonly List<int>[] _held = [.. Enumerable.Range(0, options.Sequences).Select(_ => new List<int>(options.ContextLength))];
        private readonly float[] _logits = new float[Math.Min(options.BatchTokens, options.Sequences * options.ContextLength) * Vocabulary];
        private int _rows;
        private int _appends;

        public EngineMemory Memory => new(900, 80, 70, null);

        public void Append(TokenBatch batch, CancellationToken cancellationToken)
        {
            engine.OnAppend?.Invoke(batch);
            cancellationToken.ThrowIfCancellationRequested();
            // No Assert here: it allocates, and a test counts allocations.
            if (batch.Count < 1 || batch.Count > options.BatchTokens)
                throw new InvalidOperationException($"a batch of {batch.Count} tokens");
            _rows = 0;
            for (int k = 0; k < batch.Count; k++)
            {
                List<int> held = _held[batch.Sequences[k]];
                held.Add(batch.Tokens[k]);
                if (held.Count > options.ContextLength) throw new InvalidOperationException("a sequence outgrew its context");
                if (!batch.LogitsWanted[k]) continue;
                int sum = 0;
                foreach (int token in held) sum += token;
                Compute(sum % Vocabulary, held.Count - 1, _logits.AsSpan(_rows++ * Vocabulary, Vocabulary));
            }

            if (_appends++ == engine.NaNAtAppend) _logits[3] = float.NaN;
        }

        public ReadOnlySpan<float> Logits(int row)
        {
            if (row < 0 || row >= _rows) throw new InvalidOperationException($"row {row} of {_rows}");
            return _logits.AsSpan(row * Vocabulary, Vocabulary);
        }

        public void Reset()
        {
            engine.Calls.Add("reset");
            foreach (List<int> held in _held) held.Clear();
        }

        public void Truncate(int sequence, int length)
        {
            engine.Calls.Add($"truncate {length}");
            if (!engine.CutsBack) throw new UnsupportedException(null, "it can't be cut back");
            Assert.True(_held[sequence].Count >= length);
            _held[sequence].RemoveRange(length, _held[sequence].Count - length);
        }

        public void Dispose()
        {
        }

        private void Compute(int sum, int position, Span<float> row)
        {
            for (int i = 0; i < Vocabulary; i++)
            {
                int h = (int)(((long)sum * 7919 + (long)position * 104729 + i * 1299709L + (long)sum * i * 31) % 10007);
                row[i] = engine.Scale * ((h - 5003) / 1024f + engine.Shift * (((h * 17 + i * 5) % 101 - 50) / 512f));
            }
        }
    }
}

internal sealed class ToyMachine : IMachineProbe
{
    public int UsableCores => 2;

    public long? MemoryBytes => 1000;

    public long? ResidentBytes() => 123;

    public long? PeakResidentBytes() => 456;

    public ImmutableSortedDictionary<string, double> Conditions() => ImmutableSortedDictionary<string, double>.Empty.Add("load_1m", 0.5);
}

internal sealed class ToyProgress : IProgress<EvaluationProgress>
{
    public void Report(EvaluationProgress value)
    {
    }
}
