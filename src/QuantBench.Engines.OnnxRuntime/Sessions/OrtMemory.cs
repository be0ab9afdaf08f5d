using System.Collections.Immutable;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Engines.OnnxRuntime.Native;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>
/// Memory account of a session: what ONNX Runtime's own allocator says (weights and their repacked copies, work space), and what of the
/// model's files the process has mapped and in memory. The allocator knows nothing of mapped weights, and keeps no account when its arena
/// is off.
/// </summary>
/// <param name="session">The session.</param>
/// <param name="api">Reads the allocator.</param>
/// <param name="directory">Where the model's files lie.</param>
internal sealed class OrtMemory(InferenceSession session, OrtFunctions api, string directory)
{
    private readonly long _inUseLoaded = Read(session, api, "InUse");

    /// <summary>Bytes of weights: repacked copies in the allocator, and mapped files as far as they are in memory.</summary>
    public long WeightsBytes => _inUseLoaded + MappedBytes();

    /// <summary>Most bytes the allocator handed out beyond what it held after loading: work space and outputs of its own.</summary>
    public long ComputeBytes => Math.Max(0, Read(session, api, "MaxInUse") - _inUseLoaded);

    /// <summary>The allocator's figures, for the record.</summary>
    public ImmutableSortedDictionary<string, string> Facts()
    {
        var facts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        using var allocator = new OrtAllocator(session, OrtMemoryInfo.DefaultInstance);
        ImmutableSortedDictionary<string, long> statistics = api.Statistics(allocator);
        facts["ort_allocator_loaded_bytes"] = statistics.IsEmpty ? "no account without the arena"
            : _inUseLoaded.ToString(CultureInfo.InvariantCulture);
        foreach ((string key,
            string name) in new[] { ("MaxInUse", "ort_allocator_peak_bytes"), ("TotalAllocated", "ort_allocator_total_bytes") })
        {
            if (statistics.TryGetValue(key, out long value)) facts[name] = value.ToString(CultureInfo.InvariantCulture);
        }

        facts["ort_mapped_resident_bytes"] = MappedBytes().ToString(CultureInfo.InvariantCulture);
        return facts.ToImmutable();
    }

    private static long Read(InferenceSession session, OrtFunctions api, string key)
    {
        using var allocator = new OrtAllocator(session, OrtMemoryInfo.DefaultInstance);
        return api.Statistics(allocator).GetValueOrDefault(key);
    }

    private long MappedBytes() =>
        File.Exists(MappedFiles.ProcessMaps) ? MappedFiles.ResidentBytes(File.ReadLines(MappedFiles.ProcessMaps), directory) : 0;
}
