using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace QuantBench.Engines.OnnxRuntime.Native;

/// <summary>
/// Functions of ONNX Runtime's C API that its managed binding doesn't wrap, by their place in <c>struct OrtApi</c> (onnxruntime_c_api.h of
/// 1.31.1; the struct only grows at its end).
/// </summary>
/// <param name="table">The struct, as an array of function pointers.</param>
internal sealed unsafe class OrtApi(void** table)
{
    private const int ReleaseStatus = 93;
    private const int GetBuildInfoString = 254;
    private const int GetKeyValuePairs = 298;
    private const int ReleaseKeyValuePairs = 300;
    private const int AllocatorGetStats = 319;

    /// <summary>What the library was built from: branch, commit, build type, compiler flags.</summary>
    public string BuildInfo => Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)table[GetBuildInfoString])()) ?? "";

    /// <summary>Statistics of an allocator by name: <c>InUse</c>, <c>MaxInUse</c>, <c>TotalAllocated</c>, …; empty when it keeps none.</summary>
    /// <param name="allocator">Not closed.</param>
    public ImmutableSortedDictionary<string, long> Statistics(OrtAllocator allocator)
    {
        void* pairs = null;
        bool held = false;
        allocator.DangerousAddRef(ref held);
        try
        {
            void* status = ((delegate* unmanaged<void*, void**, void*>)table[AllocatorGetStats])((void*)allocator.DangerousGetHandle(), &pairs);
            if (status is not null)
            {
                ((delegate* unmanaged<void*, void>)table[ReleaseStatus])(status);
                return ImmutableSortedDictionary<string, long>.Empty;
            }

            return Read(pairs);
        }
        finally
        {
            if (pairs is not null) ((delegate* unmanaged<void*, void>)table[ReleaseKeyValuePairs])(pairs);
            if (held) allocator.DangerousRelease();
        }
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
