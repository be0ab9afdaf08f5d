using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ILGPU.Runtime;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Graphs;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.Ilgpu;

/// <summary>
/// The managed engine's transformer with kernels that ILGPU compiles for CUDA and OpenCL. Devices are <c>cuda:N</c>, <c>opencl:N</c> and
/// <c>cpu</c>, ILGPU's slow simulation. Quantized weights meet inputs rounded to 8-bit blocks of 32; the KV cache holds halves.
/// </summary>
public sealed partial class IlgpuEngine : IEngine, ILogitsEngine, IMemoryPlanner
{
    private const string EngineName = "ilgpu";

    private static readonly string s_build =
        $"ilgpu {typeof(IlgpuEngine).Assembly.GetName().Version?.ToString(3)} with ILGPU "
            + $"{typeof(ILGPU.Context).Assembly.GetName().Version?.ToString(3)}, {RuntimeInformation.FrameworkDescription}";

    private readonly Lazy<DeviceList> _list = new(static () => new DeviceList());
    private EngineDevice? _used;

    /// <summary>The engine's line in the registry.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(EngineName, "transformers in C# on GPUs: CUDA, OpenCL", "cuda:0")
        {
            Formats = ["gguf", "safetensors", "mlx", "gptq", "awq", "compressed-tensors", "modelopt", "fp8", "bnb"],
        },
        _ => new IlgpuEngine(), _ => []);

    /// <inheritdoc />
    public string Name => EngineName;

    /// <inheritdoc />
    /// <remarks>Names the device and its driver once a model was loaded or a kernel made, so that every cell's record does.</remarks>
    public string Build => _used is null ? s_build : $"{s_build}; {_used.Id}: {_used.Description}";

    /// <inheritdoc />
    public ImmutableArray<EngineDevice> Devices() => _list.Value.All;

    /// <inheritdoc />
    public Support CanRun(Artifact artifact, string device)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        if (DeviceSupport(device) is { IsSupported: false } refused) return refused;
        ImmutableArray<string> formats = Registration.Facts.Formats;
        if (!formats.Contains(artifact.Variant.Format))
            return Support.No($"ilgpu: the format '{artifact.Variant.Format}' is not implemented; {string.Join(", ", formats)} are");
        return Support.Of(() => CheckModel(artifact.Path));
    }

    /// <inheritdoc />
    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(options);
        CanRun(artifact, device).OrThrow();
        using var weights = new ModelWeights(ModelFile.Open(artifact.Path));
        if (options.GpuLayers >= 0 && options.GpuLayers < weights.Shape.Layers)
        {
            throw new UnsupportedException("ilgpu",
                $"a model can't be split between host and device; {options.GpuLayers} of {weights.Shape.Layers} layers were asked "
                    + $"for.", "Set gpu_layers to -1.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        string backend = $"ilgpu/{device}";
        Accelerator? accelerator = null;
        try
        {
            accelerator = _list.Value.Open(device);
            var memory = new DeviceMemory(accelerator, backend) { Compiling = options.Compiling };
            var kernels = new GraphKernels(memory);
            kernels.Compile();
            var loaded = new IlgpuModel(device, memory, kernels, new DeviceWeights(memory, weights, cancellationToken));
            _used = Devices().First(d => d.Id == device);
            return loaded;
        }
        catch (Exception e) when (e is not (OperationCanceledException or QuantBenchException))
        {
            accelerator?.Dispose();
            throw accelerator is null
                ? new EngineException($"{backend}: the device could not be opened ({DeviceMemory.Cause(e)}).",
                    "'quantbench doctor' lists the devices.", e)
                : new DeviceMemory(accelerator, backend).Failed(e, "loading the model");
        }
        catch
        {
            accelerator?.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public MemoryPlan? Plan(Artifact artifact, string device, LoadOptions load, SessionOptions session, int logitRows)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(session);
        CanRun(artifact, device).OrThrow();
        using var weights = new ModelWeights(ModelFile.Open(artifact.Path));
        long cells = (long)session.ContextLength * session.Sequences;
        int capacity = (int)Math.Min(Math.Min(session.MicroBatchTokens, session.BatchTokens), cells);
        long cache = DeviceCache.BytesOf(weights.Shape, cells);
        long compute = DeviceTransformer.BytesOf(weights.Shape, capacity, session.ContextLength, Math.Min(logitRows, capacity));
        return new MemoryPlan(new EngineMemory(weights.MemoryBytes, cache, compute,
            device == "cpu" ? null : weights.MemoryBytes + cache + compute), 0);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_list.IsValueCreated) _list.Value.Dispose();
    }

    private static Support CheckModel(string path)
    {
        using IModelFile file = ModelFile.Open(path);
        if (DecoderShape.Refusal(file) is { } reason) return Support.No($"ilgpu: {reason}");
        DecoderShape shape = DecoderShape.Read(file);
        if (shape.Latent is not null)
            return Support.No($"ilgpu: latent attention, as {shape.Architecture.Name} models have it, is not implemented; managed has it");
        if (shape.HeadWidth % 8 != 0 || shape.HeadWidth > AttentionKernels.MaxHeadWidth)
        {
            return Support.No(
                $"ilgpu: heads of width {shape.HeadWidth} are not implemented; multiples of 8 up to {AttentionKernels.MaxHeadWidth} are");
        }

        return Directory.Exists(path) ? Support.Yes : CheckTypes(path);
    }

    /// <summary>Matrices of a GGUF file need kernels; what a directory holds has them, or is decoded when it is loaded.</summary>
    private static Support CheckTypes(string path)
    {
        using GgufReader file = GgufReader.Open(path);
        GgufTensorInfo? unknown = file.Tensors.FirstOrDefault(t => t.Dimensions.Length >= 2
            && !t.Name.EndsWith(".bias", StringComparison.Ordinal) && !DeviceFormats.All.ContainsKey(t.Type));
        return unknown is null
            ? Support.Yes
            : Support.No(
                $"ilgpu: tensors of type {unknown.Type} ('{unknown.Name}') are not implemented; "
                    + $"{string.Join(", ", DeviceFormats.All.Keys.Order())} are");
    }
}
