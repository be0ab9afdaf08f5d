using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>
/// llama-imatrix's GGUF format, through ggml's own reader and writer: <c>general.type</c> = imatrix, <c>imatrix.datasets</c>,
/// <c>imatrix.chunk_count</c>, <c>imatrix.chunk_size</c>, and per tensor <c>NAME.in_sum2</c> [columns, matrices] and <c>NAME.counts</c>
/// [1, matrices] in F32.
/// </summary>
internal static unsafe class ImportanceMatrixFile
{
    private const string SumsSuffix = ".in_sum2";
    private const string CountsSuffix = ".counts";
    private const string DatasetsKey = "imatrix.datasets";
    private const string ChunkCountKey = "imatrix.chunk_count";
    private const string ChunkSizeKey = "imatrix.chunk_size";
    private const int GgufUInt32 = 4;
    private const int GgufString = 8;
    private const int GgufArray = 9;
    private const int MemoryAlignment = 16;

    /// <summary>Writes a matrix; the same matrix gives the same bytes.</summary>
    /// <exception cref="EngineException">The file can't be written.</exception>
    public static void Write(LlamaLibrary library, string path, ImportanceMatrix matrix)
    {
        using NativeLogCapture capture = library.Log.Capture();
        nuint overhead = NativeMethods.ggml_tensor_overhead() + (2 * MemoryAlignment);
        nuint bytes =
            matrix.Entries.Values.Aggregate((nuint)0,
                (sum, e) => sum + (2 * overhead) + (nuint)((e.Sums.Length + e.Counts.Length) * sizeof(float)));
        nint tensors = NativeMethods.ggml_init(new ggml_init_params { mem_size = bytes });
        if (tensors == 0) throw new EngineException($"llama.cpp: no {bytes} bytes of memory for the importance matrix: {capture.Words}");
        nint gguf = NativeMethods.gguf_init_empty();
        byte* dataset = (byte*)Marshal.StringToCoTaskMemUTF8(matrix.Dataset);
        try
        {
            NativeMethods.gguf_set_val_str(gguf, "general.type", "imatrix");
            NativeMethods.gguf_set_arr_str(gguf, DatasetsKey, &dataset, 1);
            NativeMethods.gguf_set_val_u32(gguf, ChunkCountKey, (uint)matrix.Chunks);
            NativeMethods.gguf_set_val_u32(gguf, ChunkSizeKey, (uint)matrix.ChunkTokens);
            foreach ((string name, ImportanceEntry entry) in matrix.Entries)
            {
                int matrices = entry.Counts.Length;
                Span<float> sums = Add(gguf, tensors, name + SumsSuffix, entry.Sums.Length / matrices, matrices);
                entry.Sums.CopyTo(sums);
                Span<float> counts = Add(gguf, tensors, name + CountsSuffix, 1, matrices);
                for (int i = 0; i < matrices; i++) counts[i] = entry.Counts[i];
            }

            if (!NativeMethods.gguf_write_to_file(gguf, path, only_meta: false))
            {
                throw new EngineException($"{path}: the importance matrix can't be written: {capture.Words}", "Is the disk full?");
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem((nint)dataset);
            NativeMethods.gguf_free(gguf);
            NativeMethods.ggml_free(tensors);
        }
    }

    /// <summary>Reads a matrix that this class or llama-imatrix wrote.</summary>
    /// <exception cref="ModelFormatException">It is none.</exception>
    public static ImportanceMatrix Read(LlamaLibrary library, string path)
    {
        GgufHeader.Check(path);
        using NativeLogCapture capture = library.Log.Capture();
        nint tensors = 0;
        nint gguf = NativeMethods.gguf_init_from_file(path, new gguf_init_params { no_alloc = 0, ctx = &tensors });
        if (gguf == 0) throw new ModelFormatException(path, null, $"it can't be read as GGUF: {capture.Words}");
        try
        {
            var entries = new SortedDictionary<string, ImportanceEntry>(StringComparer.Ordinal);
            long count = NativeMethods.gguf_get_n_tensors(gguf);
            for (long i = 0; i < count; i++)
            {
                string name = NativeText.Read(NativeMethods.gguf_get_tensor_name(gguf, i));
                if (!name.EndsWith(SumsSuffix, StringComparison.Ordinal)) continue;
                name = name[..^SumsSuffix.Length];
                entries[name] = ReadEntry(tensors, path, name);
            }

            if (entries.Count == 0) throw new ModelFormatException(path, null, "it holds no importance matrix (no *.in_sum2 tensors).");
            return new ImportanceMatrix(entries, Dataset(gguf), UInt32(gguf, ChunkCountKey), UInt32(gguf, ChunkSizeKey));
        }
        finally
        {
            NativeMethods.gguf_free(gguf);
            NativeMethods.ggml_free(tensors);
        }
    }

    private static ImportanceEntry ReadEntry(nint tensors, string path, string name)
    {
        ReadOnlySpan<float> sums = Values(tensors, path, name + SumsSuffix);
        ReadOnlySpan<float> counts = Values(tensors, path, name + CountsSuffix);
        if (counts.Length == 0 || sums.Length == 0 || sums.Length % counts.Length != 0)
        {
            throw new ModelFormatException(path, null, $"tensor '{name}': {sums.Length} sums don't go with {counts.Length} counts.");
        }

        long[] whole = new long[counts.Length];
        for (int i = 0; i < counts.Length; i++) whole[i] = (long)Math.Round(counts[i]);
        return new ImportanceEntry(sums.ToArray(), whole);
    }

    private static ReadOnlySpan<float> Values(nint tensors, string path, string name)
    {
        ggml_tensor* tensor = NativeMethods.ggml_get_tensor(tensors, name);
        if (tensor is null) throw new ModelFormatException(path, null, $"there is no tensor '{name}'.");
        if (tensor->type != ggml_type.F32 || tensor->data is null)
            throw new ModelFormatException(path, null, $"tensor '{name}' is not F32.");
        return new ReadOnlySpan<float>(tensor->data, checked((int)(NativeMethods.ggml_nbytes(tensor) / sizeof(float))));
    }

    private static Span<float> Add(nint gguf, nint tensors, string name, long columns, long rows)
    {
        ggml_tensor* tensor = NativeMethods.ggml_new_tensor_2d(tensors, ggml_type.F32, columns, rows);
        NativeMethods.ggml_set_name(tensor, name);
        NativeMethods.gguf_add_tensor(gguf, tensor);
        return new Span<float>(tensor->data, checked((int)(columns * rows)));
    }

    private static int UInt32(nint gguf, string key)
    {
        long id = NativeMethods.gguf_find_key(gguf, key);
        return id >= 0 && NativeMethods.gguf_get_kv_type(gguf, id) == GgufUInt32 ? (int)NativeMethods.gguf_get_val_u32(gguf, id) : 0;
    }

    private static string Dataset(nint gguf)
    {
        long id = NativeMethods.gguf_find_key(gguf, DatasetsKey);
        bool given = id >= 0 && NativeMethods.gguf_get_kv_type(gguf, id) == GgufArray
            && NativeMethods.gguf_get_arr_type(gguf, id) == GgufString && NativeMethods.gguf_get_arr_n(gguf, id) > 0;
        return given ? NativeText.Read(NativeMethods.gguf_get_arr_str(gguf, id, 0)) : "";
    }
}
