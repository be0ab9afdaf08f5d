using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Engines.Managed.Threads;
using QuantBench.Inference.Engines;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>
/// The forward pass of one micro-batch, run by all workers together. Each step splits its tokens, rows or heads among the workers and ends
/// at the barrier; every element is computed by one worker in a fixed order, so results don't depend on the number of threads.
/// </summary>
internal sealed unsafe partial class Transformer : IParallelWork, IDisposable
{
    private readonly ModelWeights _model;
    private readonly DecoderShape _shape;
    private readonly KernelSet _kernels;
    private readonly WorkerPool _pool;
    private readonly KvCache _cache;
    private readonly Attention _attention;
    private readonly RotaryAngles _rope;
    private readonly RotaryAngles _localRope;
    private readonly WorkerScratch[] _scratch;
    private readonly NativeBuffer _buffer;
    private readonly Activations _inputs;
    private readonly Activations _hidden;
    private readonly Activations _latentInputs;
    private readonly Activations _headInputs;
    private readonly float* _compressed;
    private readonly float* _wholeQueries;
    private readonly float* _residual;
    private readonly float* _branch;
    private readonly float* _queries;
    private readonly float* _keys;
    private readonly float* _values;
    private readonly float* _mixed;
    private readonly float* _gate;
    private readonly float* _ones;
    private readonly float* _up;
    private readonly float* _angles;
    private readonly float* _localAngles;
    private readonly ExpertRoutes _routes;
    private readonly Activations _gathered;
    private readonly Activations _expertHidden;
    private readonly Activations[] _slices;
    private readonly float* _ratings;
    private readonly float* _commonWeights;
    private readonly float* _expertGate;
    private readonly float* _expertUp;
    private readonly float* _expertResults;
    private readonly int[] _tokens;
    private readonly int[] _sequences;
    private readonly int[] _positions;
    private readonly int[] _wanted;
    private readonly TokenRun[] _runs;
    private int _count;
    private int _wantedCount;
    private int _runCount;
    private float* _logits;
    private CancellationToken _cancellationToken;
    private volatile bool _cancelled;

    /// <param name="model">The weights.</param>
    /// <param name="kernels">The arithmetic.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="cache">Where keys and values go.</param>
    /// <param name="capacity">Most tokens of a micro-batch.</param>
    /// <param name="contextLength">Tokens each sequence can hold; picks the factors of longrope models.</param>
    public Transformer(ModelWeights model, KernelSet kernels, WorkerPool pool, KvCache cache, int capacity, int contextLength)
    {
        _model = model;
        _shape = model.Shape;
        _kernels = kernels;
        _pool = pool;
        _cache = cache;
        _attention = new Attention(kernels, _shape, cache);
        _rope = model.RopeFactors.Angles(_shape, contextLength);
        _localRope = model.RopeFactors.Angles(_shape, contextLength, windowed: true);
        var widths = new Widths(_shape);
        (int queryWidth, int keyWidth, int inputWidth) = (widths.Query, widths.Key, widths.Input);
        (int compressedWidth, int wholeWidth, int perHead) = (widths.Compressed, widths.Whole, widths.PerHead);
        (int gateWidth, int upWidth) = (widths.Gate, widths.Up);
        int slots = capacity * _shape.ExpertsUsed;
        _buffer = new NativeBuffer(widths.BufferBytes(capacity));
        float* next = _buffer.As<float>();
        float* Take(int width)
        {
            float* start = next;
            next += (long)Rounded(width) * capacity;
            return start;
        }

        _residual = Take(_shape.Embedding);
        _queries = Take(queryWidth);
        _keys = Take(keyWidth);
        _values = Take(keyWidth);
        _compressed = Take(compressedWidth);
        _wholeQueries = Take(wholeWidth);
        _gate = Take(gateWidth);
        _up = Take(upWidth);

        // What isn't needed at the same time shares memory: attention writes each head's results over its queries, a branch is added before
        // the next gate's other factor comes, and the gated elements replace the gate.
        _mixed = _queries;
        _branch = _up;
        _angles = Take(_shape.RotatedWidth);
        _localAngles = Take(_shape.RotatedWidth);
        _ratings = Take(_shape.Experts);
        _commonWeights = Take(1);
        _expertGate = Take(Rounded(_shape.ExpertFeedForward) * _shape.ExpertsUsed);
        _expertUp = Take(Rounded(_shape.ExpertFeedForward) * _shape.ExpertsUsed);
        _expertResults = Take(Rounded(_shape.Embedding) * _shape.ExpertsUsed);

        // Hidden elements without a gate are gated by these.
        _ones = next;
        new Span<float>(_ones, GateElements).Fill(1);
        (bool inputsWide, bool hiddenWide, bool expertsWide) = WideInputs(model, kernels);
        _inputs = new Activations(capacity, inputWidth, inputsWide);
        _hidden = new Activations(capacity, gateWidth, hiddenWide, gateWidth % 64 == 0 ? _gate : null);

        _latentInputs = compressedWidth == 0 ? new Activations() : new Activations(capacity, compressedWidth, inputsWide);
        _headInputs = perHead == 0 ? new Activations() : new Activations(capacity * _shape.Heads, perHead, inputsWide);

        // The same among experts: what they read is done with when they give results.
        _routes = new ExpertRoutes(_shape, capacity);
        _gathered = slots == 0 ? new Activations()
            : new Activations(slots, _shape.Embedding, inputsWide, _shape.Embedding % 64 == 0 ? _expertResults : null);
        _expertHidden = slots == 0 ? new Activations() : new Activations(slots, _shape.ExpertFeedForward, expertsWide,
            _shape.ExpertFeedForward % 64 == 0 ? _expertGate : null);
        _slices = [.. Enumerable.Range(0, pool.Size).Select(_ => new Activations())];
        _scratch = new WorkerScratch[pool.Size];
        for (int i = 0; i < _scratch.Length; i++)
        {
            _scratch[i] = new WorkerScratch(widths.Widest, Attention.ScratchFloats(_shape));
        }

        _tokens = new int[capacity];
        _sequences = new int[capacity];
        _positions = new int[capacity];
        _wanted = new int[capacity];
        _runs = new TokenRun[capacity];
    }

    /// <summary>Whether each layer's result is rounded to BF16.</summary>
    public bool RoundsLayers { get; init; }

    /// <summary>Bytes held.</summary>
    public long MemoryBytes => _buffer.Bytes + _inputs.MemoryBytes + _hidden.MemoryBytes + _latentInputs.MemoryBytes
        + _headInputs.MemoryBytes + _gathered.MemoryBytes
        + _expertHidden.MemoryBytes + _scratch.Sum(s => s.MemoryBytes);

    /// <summary>Appends some tokens of a batch to the cache and computes the wanted logits.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="first">First token.</param>
    /// <param name="count">Tokens, at most the capacity; each sequence has room for its own.</param>
    /// <param name="logits">[wanted tokens, vocabulary].</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>Number of wanted tokens.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the cache is then incomplete.</exception>
    public int Forward(TokenBatch batch, int first, int count, float* logits, CancellationToken cancellationToken)
    {
        _count = count;
        _wantedCount = 0;
        _runCount = 0;
        _logits = logits;
        _cancellationToken = cancellationToken;
        _cancelled = false;
        for (int i = 0; i < count; i++)
        {
            int sequence = batch.Sequences[first + i];
            _tokens[i] = batch.Tokens[first + i];
            _sequences[i] = sequence;
            _positions[i] = _cache.Lengths[sequence]++;
            if (batch.LogitsWanted[first + i]) _wanted[_wantedCount++] = i;
            AddToRuns(i);
        }

        _pool.Run(this);
        if (_cancelled) throw new OperationCanceledException(cancellationToken);
        return _wantedCount;
    }

    /// <inheritdoc />
    public void Execute(int worker)
    {
        int count = _count;
        Embed(worker, count);
        for (int i = 0; i < _shape.Layers; i++)
        {
            Layer layer = _model.Layers[i];
            if (worker == 0 && _cancellationToken.IsCancellationRequested) _cancelled = true;
            Layer? before = i > 0 ? _model.Layers[i - 1] : null;
            Normalise(count, before?.Common is { } b ? b.Down.Bias : null, before is null ? null : before.PostFeedForwardNorm,
                before is not null, layer.AttentionNorm,
                Reads8Bit(layer.Latent?.QueryDown ?? layer.Query, layer.Key, layer.Value), fed: before);
            _pool.Barrier();

            // Written before the barrier by one worker, so all leave at the same place.
            if (_cancelled) return;
            if (layer.Latent is { } latent)
            {
                MakeLatent(worker, i, layer, latent, count);
            }
            else
            {
                Multiply(worker, _inputs, count, layer.Query, _queries, layer.Key, _keys, layer.Value, _values);
                _pool.Barrier();
                Rotate(i, layer, count);
            }

            _pool.Barrier();
            Attend(i, worker);
            _pool.Barrier();
            if (i == _shape.Layers - 1)
            {
                count = _wantedCount;
                if (count == 0) return;
                KeepWanted(worker);
                _pool.Barrier();
            }

            if (layer.Latent is { } made) MakeValues(worker, made, count);
            TakeMixed(count, Reads8Bit(layer.Output));
            _pool.Barrier();
            Multiply(worker, _inputs, count, layer.Output, _branch);
            _pool.Barrier();
            Normalise(count, layer.Output.Bias, layer.PostAttentionNorm, true, layer.FeedForwardNorm, FeedForwardReads8Bit(layer),
                branchLast: _shape.Architecture.IsParallel);
            _pool.Barrier();
            PassFeedForward(worker, layer, count);
        }

        Layer last = _model.Layers[^1];
        Normalise(count, last.Common is { } c ? c.Down.Bias : null, last.PostFeedForwardNorm, true, _model.OutputNorm,
            _kernels.UsesQuantizedInputs(_model.Head.Type), fed: last);
        _pool.Barrier();
        MultiplyRows(worker, _inputs, count, _model.Head, _logits, _model.VocabularySize, 0, out _);
        _pool.Barrier();
        if (_shape.LogitSoftCap > 0) CapLogits(count);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _buffer.Dispose();
        _inputs.Dispose();
        _hidden.Dispose();
        _latentInputs.Dispose();
        _headInputs.Dispose();
        _gathered.Dispose();
        _expertHidden.Dispose();
        foreach (WorkerScratch scratch in _scratch) scratch.Dispose();
    }

    private void AddToRuns(int token)
    {
        int sequence = _sequences[token], position = _positions[token];
        if (_runCount > 0)
        {
            ref TokenRun run = ref _runs[_runCount - 1];
            if (run.Sequence == sequence && run.Position + run.Count == position && run.First + run.Count == token
                && run.Count < _attention.TileTokens)
            {
                run = run with { Count = run.Count + 1 };
                return;
            }
        }

        _runs[_runCount++] = new TokenRun(token, 1, sequence, position);
    }

    private static int Rounded(int width) => (width + 15) / 16 * 16;

    private bool FeedForwardReads8Bit(Layer layer) =>
        (layer.Common is { } common && Reads8Bit(common.Gate ?? common.Up, common.Up))
        || (layer.Experts is { } experts && (Reads8Bit(experts.Router) || Reads8Bit(experts.Gate[0], experts.Up[0])));

    private bool Reads8Bit(Linear linear) => _kernels.UsesQuantizedInputs(linear.Weights.Type);

    private bool Reads8Bit(Linear a, Linear b) => Reads8Bit(a) || Reads8Bit(b);

    private bool Reads8Bit(Linear a, Linear b, Linear c) => Reads8Bit(a) || Reads8Bit(b) || Reads8Bit(c);
}
