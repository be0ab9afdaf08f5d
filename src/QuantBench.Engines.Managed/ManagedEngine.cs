using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Engines.Managed.Graph;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Graphs;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.Managed;

/// <summary>
/// Transformers in C# on CPU vector units. Devices are instruction sets: <c>scalar</c> (the reference: weights decoded to floats, inputs
/// not rounded), <c>neon</c>, <c>avx2</c> and <c>avx512</c> (quantized weights meet inputs rounded to 8-bit blocks of 32).
/// </summary>
public sealed partial class ManagedEngine : IEngine, ILogitsEngine, IMemoryPlanner
{
    /// <summary>Engine name.</summary>
    internal const string EngineName = "managed";

    private static readonly SettingDefinition s_rounding = new("managed_layer_rounding", SettingKind.Text, "off",
        "managed: rounds what passes from layer to layer once, as the noise floor of references is measured", Choices: ["off", "bf16"]);

    /// <summary>The engine's line in the registry.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(EngineName, "transformers in C# on CPU SIMD: scalar, neon, avx2, avx512", "avx2")
        {
            Formats = ["gguf", "safetensors", "mlx", "gptq", "awq", "compressed-tensors", "modelopt", "fp8", "bnb"],
            HasMicrobenchmarks = true,
            Settings = [s_rounding],
            LayerRounding = CellSettings.Empty.With(s_rounding.Key, "bf16"),
        },
        _ => new ManagedEngine(), _ => []);

    /// <inheritdoc />
    public string Name => EngineName;

    /// <inheritdoc />
    public string Build { get; } =
        $"managed {typeof(ManagedEngine).Assembly.GetName().Version?.ToString(3)}, {RuntimeInformation.FrameworkDescription}";

    /// <inheritdoc />
    public ImmutableArray<EngineDevice> Devices() =>
    [
        new("scalar", "plain C# loops, the reference", Support.Yes),
        new("neon", NeonKernels.Description,
            NeonKernels.IsSupported ? Support.Yes : Support.No("managed/neon: this processor isn't a 64-bit ARM")),
        new("avx2", "AVX2 and FMA, 256-bit vectors",
            Avx2Kernels.IsSupported ? Support.Yes : Support.No("managed/avx2: this process has no AVX2 or FMA")),
        new("avx512", "AVX-512 F, BW, DQ and VL, 512-bit vectors",
            Avx512Kernels.IsSupported ? Support.Yes : Support.No("managed/avx512: this process has no AVX-512 F, BW, DQ and VL")),
    ];

    /// <inheritdoc />
    public Support CanRun(Artifact artifact, string device)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        if (DeviceSupport(device) is { IsSupported: false } refused) return refused;
        ImmutableArray<string> formats = Registration.Facts.Formats;
        if (!formats.Contains(artifact.Variant.Format))
            return Support.No($"managed: the format '{artifact.Variant.Format}' is not implemented; {string.Join(", ", formats)} are");
        return Support.Of(() =>
        {
            using IModelFile file = ModelFile.Open(artifact.Path);
            return DecoderShape.Refusal(file) is { } reason ? Support.No($"managed: {reason}") : Support.Yes;
        });
    }

    /// <inheritdoc />
    public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(options);
        CanRun(artifact, device).OrThrow();
        cancellationToken.ThrowIfCancellationRequested();
        KernelSet kernels = KernelsOf(device);
        var weights = new PreparedWeights(ModelFile.Open(artifact.Path));
        try
        {
            weights.Repack(kernels, options.Threads, cancellationToken);
            return new ManagedModel(weights, kernels, options.Settings.Text(s_rounding) == "bf16");
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public MemoryPlan? Plan(Artifact artifact, string device, LoadOptions load, SessionOptions session, int logitRows)
    {
        ArgumentNullException.ThrowIfNull(artifact);
        ArgumentNullException.ThrowIfNull(session);
        CanRun(artifact, device).OrThrow();
        KernelSet kernels = KernelsOf(device);
        using var weights = new PreparedWeights(ModelFile.Open(artifact.Path));
        (long all, long mapped) = weights.PlannedBytes(kernels);
        long cells = (long)session.ContextLength * session.Sequences;
        long cache = KvCache.BytesOf(weights.Shape, cells, session.KvType, session.KvTypeOfValues ?? session.KvType);
        int capacity = (int)Math.Min(Math.Min(session.MicroBatchTokens, session.BatchTokens), cells);
        long compute = Transformer.BytesOf(weights, kernels, capacity, session.Threads)
            + ((long)Math.Max(1, logitRows) * weights.VocabularySize * sizeof(float));
        return new MemoryPlan(new EngineMemory(all, cache, compute, null), mapped);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        // Nothing is held between models.
    }
}
