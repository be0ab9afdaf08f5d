using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Imports;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Engines.OnnxRuntime.Native;
using QuantBench.Engines.OnnxRuntime.Providers;
using QuantBench.Formats.Onnx;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>A decoder loaded by ONNX Runtime.</summary>
internal sealed class OrtModel : ILoadedModel, IEngineReport
{
    private readonly InferenceSession _session;
    private readonly ProviderDevice _device;
    private readonly OrtSettings _settings;
    private readonly OrtMemory _memory;
    private readonly DecoderSignature _signature;
    private readonly ImmutableArray<PlacedOperator> _placement;
    private readonly string _path;

    private OrtModel(
        Artifact artifact, string path, InferenceSession session, DecoderSignature signature, GenaiConfig? config, ProviderDevice device,
        OrtSettings settings, OrtFunctions api)
    {
        (_path, _session, _signature, _device, _settings) = (path, session, signature, device, settings);
        _memory = new OrtMemory(session, api, Path.GetDirectoryName(Path.GetFullPath(path)) ?? "");
        _placement = api.Placement(session);
        Cache = KindOf(signature, _placement);
        ParameterCount = artifact.ParameterCount;
        TrainedContextLength = config?.ContextLength ?? ContextOf(session);
        VocabularySize = signature.VocabularySize;
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public long ParameterCount { get; }

    /// <inheritdoc/>
    public int TrainedContextLength { get; }

    /// <summary>How the graph keeps its keys and values.</summary>
    public CacheKind Cache { get; }

    /// <inheritdoc/>
    /// <remarks>A provider that took no node at all has silently left everything to the CPU.</remarks>
    public string DeviceUsed =>
        _device.IsCpu || _placement.IsEmpty || _placement.Any(p => p.Provider == _device.Provider) ? _device.Id : "cpu";

    /// <inheritdoc/>
    public ImmutableSortedDictionary<string, string> Facts
    {
        get
        {
            ImmutableSortedDictionary<string,
                string> facts = _settings.Facts().SetItems(_memory.Facts()).SetItems(OliveOutput.Facts(Path.GetDirectoryName(_path) ?? ""));
            facts = facts.Add("kv_cache", Cache switch
            {
                CacheKind.Shared => "one buffer that the graph writes in place",
                CacheKind.Growing => "copied by the graph at every run",
                _ => "none: every run computes the whole sequence again",
            });
            if (_signature.Layers.Length > 0) facts = facts.Add("kv_type_used", _signature.CacheType.ToString().ToLowerInvariant());
            return _placement.IsEmpty ? facts : facts.Add("ort_placement", PlacementText());
        }
    }

    /// <summary>Loads.</summary>
    /// <exception cref="ModelFormatException">The model is broken.</exception>
    /// <exception cref="UnsupportedException">It is no decoder of a known kind.</exception>
    public static OrtModel Open(Artifact artifact, ProviderDevice device, OrtSettings settings, OrtFunctions api, Action<string> log)
    {
        string path = OnnxModelFile.Find(artifact.Path);
        GenaiConfig? config = Directory.Exists(artifact.Path) ? GenaiConfig.Read(artifact.Path) : null;
        settings = settings with { DequantizedProducts = OnnxModelCheck.Check(path) };
        InferenceSession session = settings.Open(path);
        try
        {
            DecoderSignature signature = DecoderSignature.Find(path, session, config);
            if (signature.VocabularySize == 0)
                throw new UnsupportedException(path, "doesn't say how many logits it gives.",
                    $"A {GenaiConfig.FileName} with 'vocab_size' beside it would.");
            var model = new OrtModel(artifact, path, session, signature, config, device, settings, api);
            log($"onnxruntime: {path}: {signature.Layers.Length} cache layers, {model.Cache}, {model.PlacementText()}");
            return model;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IInferenceSession CreateSession(Inference.Engines.SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.ContextLength < 1 || options.Sequences < 1 || options.BatchTokens < 1 || options.MicroBatchTokens < 1)
        {
            throw new EngineException("onnxruntime: context length, sequences and batch sizes must be at least 1.");
        }

        if (options.KvTypeOfValues is { } values && values != options.KvType)
        {
            throw new UnsupportedException("onnxruntime",
                "keys and values of its KV cache are of one type, which the graph says.", "Leave kv_type_k and kv_type_v out.");
        }

        return Cache == CacheKind.Shared
            ? new SharedCacheSession(_session, _signature, options, _memory)
            : new CopyingSession(_session, _signature, options, _memory);
    }

    /// <inheritdoc/>
    public ImmutableArray<string> Finish()
    {
        var notes = ImmutableArray.CreateBuilder<string>();
        if (Cache == CacheKind.None) notes.Add("the graph keeps no KV cache: every run computed the whole sequence again");
        notes.AddRange(_settings.Notes);
        notes.AddRange(OliveOutput.Notes(Path.GetDirectoryName(_path) ?? ""));
        if (!_settings.Profile) return notes.ToImmutable();
        string profile = _session.EndProfiling();
        notes.Add($"profiled: the figures include ONNX Runtime's profiler; its file is {Path.GetFileName(profile)}");
        notes.Add(OrtProfile.Read(profile).Summary());
        return notes.ToImmutable();
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    // A GroupQueryAttention node accepts the same buffer as past and present; any other graph concatenates.
    private static CacheKind KindOf(DecoderSignature signature, ImmutableArray<PlacedOperator> placement)
    {
        if (signature.Layers.IsEmpty) return CacheKind.None;
        int attention = placement.Where(p => p.Operator == "GroupQueryAttention").Sum(p => p.Count);
        return attention == signature.Layers.Length ? CacheKind.Shared : CacheKind.Growing;
    }

    private static int ContextOf(InferenceSession session) =>
        session.ModelMetadata.CustomMetadataMap.TryGetValue(OnnxMetadata.ContextLength, out string? text)
            && int.TryParse(text, out int length) && length > 0 ? length : 0;

    private string PlacementText() => string.Join("; ", _placement.GroupBy(p => p.Provider).Select(g =>
        $"{g.Key}: "
                        + string.Join(", ",
                            g.OrderByDescending(p => p.Count).ThenBy(p => p.Operator, StringComparer.Ordinal).Take(8)
                                .Select(p => $"{p.Count} {p.Operator}"))));
}
