using ILGPU;
using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>
/// The forward pass of one micro-batch as launches on one stream: the host queues them all and waits for none. Buffers are made once; their
/// sizes follow from the largest micro-batch.
/// </summary>
internal sealed unsafe class DeviceTransformer : DeviceOwner
{
    /// <summary>Up to this many tokens a product reads all weights once per token; from then on a tile of tokens shares them.</summary>
    public const int MatVecTokens = 4;

    /// <summary>Most parts that the keys of a token are split into.</summary>
    public const int MaxParts = 64;

    private readonly DeviceMemory _device;
    private readonly DeviceWeights _model;
    private readonly DecoderShape _shape;
    private readonly GraphKernels _kernels;
    private readonly DeviceCache _cache;
    private readonly AcceleratorStream _stream;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _control;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _residual;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _branch;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _projected;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _both;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _partial;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _angles;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _localAngles;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _bestValues;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _bestIndices;
    private readonly InputBuffer _inputs;
    private readonly InputBuffer _mixed;
    private readonly InputBuffer _hidden;
    private readonly DeviceRoutes? _routes;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _noExperts;
    private readonly DeviceVector _none;
    private readonly int _capacity;
    private readonly int _contextLength;
    private readonly int _stride;
    private MemoryBuffer1D<float, Stride1D.Dense> _logits;
    private long _logitRows = 1;

    /// <param name="device">The device.</param>
    /// <param name="model">The weights.</param>
    /// <param name="kernels">The kernels.</param>
    /// <param name="cache">Where keys and values go.</param>
    /// <param name="capacity">Most tokens of a micro-batch.</param>
    /// <param name="contextLength">Positions of each sequence.</param>
    public DeviceTransformer(DeviceMemory device, DeviceWeights model, GraphKernels kernels, DeviceCache cache, int capacity,
        int contextLength)
    {
        (_device, _model, _shape, _kernels, _cache, _stream) = (device, model, model.Shape, kernels, cache, device.Stream);
        (_capacity, _contextLength) = (capacity, contextLength);
        _stride = (_shape.Embedding + 31) / 32 * 32;
        int queryWidth = _shape.Heads * _shape.HeadWidth;
        try
        {
            // Token ids, positions, sequences and wanted rows travel together.
            _control = Keep(device.AllocateZeroed<int>(4L * capacity, "activations"));
            _residual = Keep(device.AllocateZeroed<float>((long)capacity * _stride, "activations"));
            _branch = Keep(device.AllocateZeroed<float>((long)capacity * _stride, "activations"));
            _projected =
                Keep(device.AllocateZeroed<float>((long)capacity * (queryWidth + (2 * _shape.KvHeads * _shape.HeadWidth)), "activations"));
            _both = Keep(device.AllocateZeroed<float>(Math.Max(1, (long)capacity * 2 * _shape.CommonFeedForward), "activations"));
            _partial =
                Keep(device.AllocateZeroed<float>((long)Math.Min(capacity, MatVecTokens) * _shape.Heads * MaxParts * (_shape.HeadWidth + 2),
                    "activations"));
            _inputs = Keep(new InputBuffer(device, capacity, _shape.Embedding));
            _mixed = Keep(new InputBuffer(device, capacity, queryWidth));
            _hidden = Keep(new InputBuffer(device, capacity, Math.Max(1, _shape.CommonFeedForward)));
            _noExperts = Keep(device.AllocateZeroed<int>(1, "activations"));
            if (_shape.Experts > 0) _routes = Keep(new DeviceRoutes(device, _shape, capacity, _stride));
            _bestValues = Keep(device.AllocateZeroed<float>(GraphKernels.ArgMaxParts, "activations"));
            _bestIndices = Keep(device.AllocateZeroed<int>(GraphKernels.ArgMaxParts, "activations"));
            _none = Keep(new DeviceVector(device, "activations", null, 0));
            _angles = Keep(Angles(windowed: false));
            _localAngles = _shape.Window == 0 ? _angles : Keep(Angles(windowed: true));
            _logits = device.Allocate<float>(model.VocabularySize, "logits");
        }
        catch
        {
            base.Dispose();
            throw;
        }
    }

    /// <summary>Bytes that a transformer without experts takes on the device, logits included.</summary>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="capacity">Most tokens of a pass.</param>
    /// <param name="contextLength">Tokens each sequence can hold.</param>
    /// <param name="logitRows">Most logits rows of a pass.</param>
    public static long BytesOf(DecoderShape shape, int capacity, int contextLength, int logitRows)
    {
        long stride = (shape.Embedding + 31) / 32 * 32;
        int queries = shape.Heads * shape.HeadWidth;
        long perToken = 4 + (2 * stride) + queries + (2 * shape.KvHeads * shape.HeadWidth) + (2L * shape.CommonFeedForward);
        long inputs = Inputs(shape.Embedding) + Inputs(queries) + Inputs(Math.Max(1, shape.CommonFeedForward));
        long parts = (long)Math.Min(capacity, MatVecTokens) * shape.Heads * MaxParts * (shape.HeadWidth + 2);
        long logits = (long)Math.Max(1, logitRows) * shape.Vocabulary;
        long angles = (long)contextLength * shape.RotatedWidth * (shape.Window == 0 ? 1 : 2);
        return (sizeof(float) * ((capacity * perToken) + parts + angles + logits + (2 * GraphKernels.ArgMaxParts))) + (capacity * inputs);

        // Floats, their eight-bit quants, and three scales for each 32.
        static long Inputs(int width) => (width + 31) / 32 * (32 * 5 + 12);
    }

    /// <summary>Bytes on the device, logits included.</summary>
    public override long Bytes => base.Bytes + _logits.LengthInBytes;

    /// <summary>Logits of the wanted tokens of the last pass, one row each.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Logits => _logits;

    /// <summary>Queues a pass over tokens that the host knows.</summary>
    /// <param name="control">
    /// [4, capacity]: token ids, positions, sequences, and the indices of the tokens whose logits are wanted. In memory that stays where it
    /// is, and untouched until the stream was waited for.
    /// </param>
    /// <param name="count">Number of tokens.</param>
    /// <param name="wanted">Number of tokens whose logits are wanted.</param>
    /// <param name="keys">Keys of the token that has the most, itself included.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public void Forward(int[] control, int count, int wanted, int keys, CancellationToken cancellationToken)
    {
        SetControl(control);
        Queue(count, wanted, keys, cancellationToken);
    }

    /// <summary>Queues the copy of a control block without a pass.</summary>
    /// <param name="control">As in <see cref="Forward"/>.</param>
    public void SetControl(int[] control) => _control.View.AsContiguous().CopyFromCPUUnsafeAsync(_stream, ref control[0], control.Length);

    /// <summary>
    /// Queues a pass over one token whose id and position an earlier <see cref="QueueArgMax"/> left on the device; its logits are wanted.
    /// </summary>
    /// <param name="keys">Keys of the token, itself included.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public void ForwardNext(int keys, CancellationToken cancellationToken) => Queue(1, 1, keys, cancellationToken);

    /// <summary>
    /// Parts that the keys of each token are split into, so that a step of few tokens after a long context keeps the whole device busy:
    /// groups for every multiprocessor twice over, but none for less than a block of keys.
    /// </summary>
    /// <param name="multiprocessors">The device's.</param>
    /// <param name="heads">Heads of queries.</param>
    /// <param name="tokens">Tokens of the step.</param>
    /// <param name="keys">Keys of the token that has the most.</param>
    /// <param name="block">Keys of a block.</param>
    public static int Parts(int multiprocessors, int heads, int tokens, int keys, int block)
    {
        if (tokens > MatVecTokens) return 1;
        int wanted = ((2 * multiprocessors) + (heads * tokens) - 1) / (heads * tokens), most = (keys + block - 1) / block;
        return Math.Clamp(Math.Min(wanted, most), 1, MaxParts);
    }

    /// <summary>Queues the choice of the token with the largest logit in row 0 as the next one.</summary>
    /// <param name="history">Receives it.</param>
    /// <param name="step">At which index.</param>
    public void QueueArgMax(ArrayView<int> history, int step)
    {
        _kernels.ArgMaxOfParts.Queue(_stream, _kernels.Groups(GraphKernels.ArgMaxParts), _logits.View, _model.VocabularySize,
            _bestValues.View, _bestIndices.View);
        _kernels.ArgMax.Queue(_stream, _kernels.Groups(1), _bestValues.View, _bestIndices.View, GraphKernels.ArgMaxParts, Tokens, Positions,
            history, step);
    }

    /// <summary>Frees the memory.</summary>
    public override void Dispose()
    {
        base.Dispose();
        _logits.Dispose();
    }

    private ArrayView<int> Tokens => _control.View.SubView(0, _capacity);

    private ArrayView<int> Positions => _control.View.SubView(_capacity, _capacity);

    private ArrayView<int> Sequences => _control.View.SubView(2L * _capacity, _capacity);

    private ArrayView<int> Wanted => _control.View.SubView(3L * _capacity, _capacity);

    private void Queue(int count, int wanted, int keys, CancellationToken cancellationToken)
    {
        GrowLogits(wanted);
        DeviceMatrix embeddings = _model.Embeddings;
        _kernels.Of(embeddings.Format)
            .Gather(_stream, _kernels.Threads, embeddings.View, Tokens, count, _residual.View, _stride, _shape.Embedding,
                _shape.EmbeddingScale);
        for (int i = 0; i < _shape.Layers; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            DeviceLayer layer = _model.Layers[i];
            DeviceLayer? before = i > 0 ? _model.Layers[i - 1] : null;
            Normalise(count, before?.DownBias, before?.PostFeedForwardNorm, before is not null, layer.AttentionNorm,
                layer.Projection.Reads8Bit, mapsRows: false);
            Multiply(layer.Projection, _inputs, count, _projected.View, (_shape.Heads + (2 * _shape.KvHeads)) * _shape.HeadWidth);
            Attend(i, layer, count, keys);
            if (layer.Output.Reads8Bit) _kernels.Round.Queue(_stream, Pieces(_mixed.View.Stride, count), _mixed.View);
            Multiply(layer.Output, _mixed, count, _branch.View, _stride);
            Normalise(count, layer.OutputBias, layer.PostAttentionNorm, true, layer.FeedForwardNorm,
                layer.FeedForwardReads8Bit, mapsRows: false, branchLast: _shape.Architecture.IsParallel);
            if (layer is { GateUp: { } gateUp, Down: { } down })
            {
                Multiply(gateUp, _inputs, count, _both.View, (_shape.Architecture.OmitsGate ? 1 : 2) * _shape.CommonFeedForward);
                Gate(layer, count, down.Reads8Bit);
                Multiply(down, _hidden, count, _branch.View, _stride);
            }

            if (layer.Experts is { } experts && _routes is { } routes) PassExperts(experts, routes, count, layer.GateUp is not null);
        }

        if (wanted == 0) return;
        DeviceLayer last = _model.Layers[^1];
        Normalise(wanted, last.DownBias, last.PostFeedForwardNorm, true, _model.OutputNorm, !_model.Head.Format.ReadsFloats,
            mapsRows: wanted < count);
        Multiply(_model.Head, 0, _inputs, wanted, _logits.View, _model.VocabularySize);
        if (_shape.LogitSoftCap > 0)
        {
            long all = (long)wanted * _model.VocabularySize;
            _kernels.Cap.Queue(_stream, _kernels.Groups((int)((all + _kernels.Threads - 1) / _kernels.Threads)), _logits.View, all,
                _shape.LogitSoftCap);
        }
    }

    private void Normalise(int count, DeviceVector? bias, DeviceVector? postNorm, bool addsBranch, DeviceNorm norm, bool quantizes,
        bool mapsRows, bool branchLast = false)
    {
        bias ??= _none;
        postNorm ??= _none;
        int perStep = _kernels.Threads * InputKernels.PerThread;
        var parameters = new NormParameters
        {
            Width = _shape.Embedding,
            Stride = _stride,
            Steps = (_stride + perStep - 1) / perStep,
            Epsilon = _shape.NormEpsilon,
            BranchScale = _shape.ResidualScale,
            AddsBranch = addsBranch ? 1 : 0,
            HasBias = bias.Flag,
            HasPostNorm = postNorm.Flag,
            BranchLast = branchLast ? 1 : 0,
            OmitsNorm = 1 - norm.Weights.Flag,
            SubtractsMean = _shape.Architecture.HasLayerNorms ? 1 : 0,
            HasNormBias = norm.Bias.Flag,
            MapsRows = mapsRows ? 1 : 0,
            Quantizes = quantizes ? 1 : 0,
        };
        _kernels.Normalise.Queue(_stream, _kernels.Groups(count), parameters, _residual.View, _branch.View, bias.View, postNorm.View,
            norm.Weights.View, norm.Bias.View, Wanted, _inputs.View);
    }

    private void Attend(int index, DeviceLayer layer, int count, int keys)
    {
        bool local = _shape.IsWindowed(index);
        var parameters = new AttentionParameters
        {
            Heads = _shape.Heads,
            KvHeads = _shape.KvHeads,
            HeadWidth = _shape.HeadWidth,
            RotatedWidth = _shape.IsRotated(index) ? _shape.RotatedWidth : 0,
            Neox = _shape.NeoxRope ? 1 : 0,
            ContextLength = _contextLength,
            Window = local ? _shape.Window : int.MaxValue,
            Scale = _shape.AttentionScale,
            Temperature = _shape.AttentionTemperature,
            TemperatureLength = _shape.RopeScaling.OriginalContextLength,
            SoftCap = _shape.AttentionSoftCap,
            Epsilon = _shape.NormEpsilon,
            HasBias = layer.ProjectionBias.Flag,
            HasQueryNorm = layer.QueryNorm.Flag,
            HasKeyNorm = layer.KeyNorm.Flag,
            HasSinks = layer.Sinks.Flag,
        };
        if (_shape.Architecture.HasProjectionNorms)
        {
            _kernels.NormaliseProjections.Queue(_stream, _kernels.Groups(3, count), parameters, _projected.View, layer.ProjectionBias.View,
                layer.QueryNorm.View, layer.KeyNorm.View);
            (parameters.HasBias, parameters.HasQueryNorm, parameters.HasKeyNorm) = (0, 0, 0);
        }

        _kernels.Rotate.Queue(
            _stream, _kernels.Groups(_shape.Heads + (2 * _shape.KvHeads), count), parameters, _projected.View, layer.ProjectionBias.View,
            layer.QueryNorm.View,
            layer.KeyNorm.View, (local ? _localAngles : _angles).View, Positions, Sequences, _cache.Keys(index), _cache.Values(index));
        int parts = Parts(_device.Accelerator.NumMultiprocessors, _shape.Heads, count, Math.Min(keys, parameters.Window), _kernels.Threads);
        _kernels.Attend.Queue(
            _stream, _kernels.Groups(_shape.Heads, count, parts), parameters, _projected.View, Positions, Sequences, _cache.WideKeys(index),
            _cache.ValuePairs(index),
            _mixed.View, _partial.View, layer.Sinks.View);
        if (parts > 1) _kernels.Combine.Queue(_stream, _kernels.Groups(_shape.Heads, count), parameters, parts, _partial.View, _mixed.View);
    }

    private void PassExperts(DeviceExperts experts, DeviceRoutes routes, int count, bool hasCommon)
    {
        int used = _shape.ExpertsUsed, slots = count * used, width = _shape.ExpertFeedForward;
        var parameters = new ExpertParameters
        {
            Experts = _shape.Experts,
            Used = used,
            Stride = routes.RatingStride,
            Kind = (int)(_shape.Architecture.Experts?.Weights ?? default),
            HasRouterBias = experts.RouterBias.Flag,
            Width = _shape.Embedding,
            ResultStride = _stride,
            HasCommon = hasCommon ? 1 : 0,
            HasBias = experts.DownBias.Flag,
        };
        Multiply(experts.Router, _inputs, count, routes.Ratings.View, routes.RatingStride);
        _kernels.Route.Queue(_stream, _kernels.Groups(count), parameters, routes.Ratings.View, experts.RouterBias.View, routes.Chosen.View,
            routes.Weights.View);
        Pass(experts.Gate, _inputs, width, used, routes.Both.View, 2 * width, 0);
        Pass(experts.Up, _inputs, width, used, routes.Both.View, 2 * width, width);
        var gate = new GateParameters
        {
            Width = width,
            Gelu = _shape.Architecture.Gelu ? 1 : 0,
            HasGateBias = experts.GateBias.Flag,
            HasUpBias = experts.UpBias.Flag,
            Quantizes = experts.Down.Format.ReadsFloats ? 0 : 1,
            IsOfExperts = 1,
            Clamps = _shape.Architecture.Experts is { ClampsGate: true } ? 1 : 0,
        };
        _kernels.Gate.Queue(_stream, Pieces(routes.Hidden.View.Stride, slots), gate, routes.Both.View, experts.GateBias.View,
            experts.UpBias.View, routes.Chosen.View, routes.Hidden.View);
        Pass(experts.Down, routes.Hidden, _shape.Embedding, 1, routes.Results.View, _stride, 0);
        _kernels.CombineExperts.Queue(_stream, _kernels.Groups((_shape.Embedding + _kernels.Threads - 1) / _kernels.Threads, count),
            parameters, _branch.View, routes.Ratings.View, routes.Chosen.View, routes.Weights.View, routes.Results.View,
            experts.DownBias.View);

        void Pass(DeviceMatrix all, InputBuffer x, int rows, int share, ArrayView<float> output, int stride, int first) =>
            _kernels.Of(all.Format).Experts(_stream, _kernels.Threads, all.View, x.View, routes.Chosen.View, slots, rows, share, output,
                stride, first);
    }

    private void Gate(DeviceLayer layer, int count, bool quantizes)
    {
        var parameters = new GateParameters
        {
            Width = _shape.CommonFeedForward,
            Gelu = _shape.Architecture.Gelu ? 1 : 0,
            SquaresRelu = _shape.Architecture.SquaresRelu ? 1 : 0,
            OmitsGate = _shape.Architecture.OmitsGate ? 1 : 0,
            HasGateBias = layer.GateBias.Flag,
            HasUpBias = layer.UpBias.Flag,
            Quantizes = quantizes ? 1 : 0,
        };
        _kernels.Gate.Queue(_stream, Pieces(_hidden.View.Stride, count), parameters, _both.View, layer.GateBias.View, layer.UpBias.View,
            _noExperts.View, _hidden.View);
    }

    private void Multiply(DeviceLinear linear, InputBuffer x, int count, ArrayView<float> output, int stride)
    {
        foreach ((DeviceMatrix matrix, int first) in linear.Matrices) Multiply(matrix, first, x, count, output, stride);
    }

    private void Multiply(DeviceMatrix matrix, int first, InputBuffer x, int count, ArrayView<float> output, int stride)
    {
        FormatKernels kernels = _kernels.Of(matrix.Format);
        if (count <= MatVecTokens) kernels.MatVec(_stream, _kernels.Threads, matrix.View, x.View, count, output, stride, first);
        else kernels.MatMul(_stream, matrix.View, x.View, count, output, stride, first);
    }

    private KernelConfig Pieces(int elements, int count)
    {
        int perGroup = _kernels.Threads * InputKernels.PerThread;
        return _kernels.Groups((elements + perGroup - 1) / perGroup, count);
    }

    private void GrowLogits(int rows)
    {
        if (rows <= _logitRows) return;
        _stream.Synchronize();
        _logits.Dispose();
        _logits = _device.Allocate<float>((long)rows * _model.VocabularySize, $"the logits of {rows} tokens");
        _logitRows = rows;
    }

    private MemoryBuffer1D<float, Stride1D.Dense> Angles(bool windowed)
    {
        float[] table = new float[checked(_contextLength * _shape.RotatedWidth)];
        RotaryAngles angles = _model.RopeFactors.Angles(_shape, _contextLength, windowed);
        for (int position = 0; position < _contextLength; position++)
            angles.Fill(position, table.AsSpan(position * _shape.RotatedWidth, _shape.RotatedWidth));
        MemoryBuffer1D<float, Stride1D.Dense> buffer = _device.Allocate<float>(table.Length, "the rotation table");
        _device.Write<float>(buffer.View, table);
        return buffer;
    }
}
