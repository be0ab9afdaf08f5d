using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace QuantBench.Engines.OnnxRuntime.Native;

/// <summary>
/// Functions of ONNX Runtime's C API that its managed binding doesn't wrap, by their place in <c>struct OrtApi</c> (onnxruntime_c_api.h of
/// 1.31.1; the struct only grows at its end).
/// </summary>
/// <param name="table">The struct, as an array of function pointers.</param>
internal sealed unsafe class OrtFunctions(void** table)
{
    private const int ReleaseStatus = 93;
    private const int GetBuildInfoString = 254;
    private const int GetKeyValuePairs = 298;
    private const int ReleaseKeyValuePairs = 300;
    private const int AllocatorGetStats = 319;
    private const int SessionGetEpGraphAssignmentInfo = 407;
    private const int EpAssignedSubgraphGetEpName = 408;
    private const int EpAssignedSubgraphGetNodes = 409;
    private const int EpAssignedNodeGetOperatorType = 412;

    /// <summary>What the library was built from: branch, commit, build type, compiler flags.</summary>
    public string BuildInfo => Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)table[GetBuildInfoString])()) ?? "";

    /// <summary>Statistics of an allocator by name: <c>InUse</c>, <c>MaxInUse</c>, <c>TotalAllocated</c>, …; empty when it keeps
    /// none.</summary>
    /// <param name="allocator">Not closed.</param>
    public ImmutableSortedDictionary<string, long> Statistics(OrtAllocator allocator)
    {
        void* pairs = null;
        bool held = false;
        allocator.DangerousAddRef(ref held);
        try
        {
            void* status =
                ((delegate* unmanaged<void*, void**, void*>)table[AllocatorGetStats])((void*)allocator.DangerousGetHandle(), &pairs);
            return Succeeds(status) ? Read(pairs) : ImmutableSortedDictionary<string, long>.Empty;
        }
        finally
        {
            if (pairs is not null) ((delegate* unmanaged<void*, void>)table[ReleaseKeyValuePairs])(pairs);
            if (held) allocator.DangerousRelease();
        }
    }

    /// <summary>
    /// Which execution provider each node of a session runs on, as counts by provider and operator, after the basic optimisations; empty
    /// unless the session was made with <c>session.record_ep_graph_assignment_info=1</c>.
    /// </summary>
    /// <param name="session">Not disposed.</param>
    public ImmutableArray<PlacedOperator> Placement(InferenceSession session)
    {
        void** subgraphs = null;
        nuint count = 0;
        var counts = new Dictionary<(string Provider, string Operator), int>();
        if (!Succeeds(
            ((delegate* unmanaged<void*, void***, nuint*, void*>)table[SessionGetEpGraphAssignmentInfo])((void*)HandleOf(session),
                &subgraphs, &count))) return [];
        for (nuint i = 0; i < count; i++)
        {
            byte* provider = null;
            void** nodes = null;
            nuint nodeCount = 0;
            if (!Succeeds(((delegate* unmanaged<void*, byte**, void*>)table[EpAssignedSubgraphGetEpName])(subgraphs[i], &provider))
                || !Succeeds(
                    ((delegate* unmanaged<void*, void***, nuint*, void*>)table[EpAssignedSubgraphGetNodes])(subgraphs[i], &nodes,
                        &nodeCount)))
            {
                continue;
            }

            for (nuint n = 0; n < nodeCount; n++)
            {
                byte* type = null;
                if (!Succeeds(((delegate* unmanaged<void*, byte**, void*>)table[EpAssignedNodeGetOperatorType])(nodes[n], &type))) continue;
                CollectionsMarshal.GetValueRefOrAddDefault(counts,
                    (Marshal.PtrToStringUTF8((nint)provider) ?? "", Marshal.PtrToStringUTF8((nint)type) ?? ""), out _)++;
            }
        }

        return [.. counts.OrderBy(c => c.Key).Select(c => new PlacedOperator(c.Key.Provider, c.Key.Operator, c.Value))];
    }

    // The binding keeps the handle to itself; its field's name is pinned with the package's version, and a test reads placements through
    // it.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_nativeHandle")]
    private static extern ref nint HandleOf(InferenceSession session);

    private bool Succeeds(void* status)
    {
        if (status is null) return true;
        ((delegate* unmanaged<void*, void>)table[ReleaseStatus])(status);
        return false;
    }

    private ImmutableSortedDictionary<string, long> Read(void* pairs)
    {
        var read = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        if (pairs is null) return read.ToImmutable();
        byte** keys = null;
        byte** values = null;
        nuint count = 0;
        ((delegate* unmanaged<void*, byte***, byte***, nuint*, void>)table[GetKeyValuePairs])(pairs, &keys, &values, &count);
        for (nuint i = 0; i < count; i++)
        {
            string key = Marshal.PtrToStringUTF8((nint)keys[i]) ?? "";
            string value = Marshal.PtrToStringUTF8((nint)values[i]) ?? "";
            if (long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out long number)) read[key] = number;
        }

        return read.ToImmutable();
    }
}
