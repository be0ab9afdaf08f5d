using System.Runtime.InteropServices;
using System.Text;
using QuantBench.Engines.LlamaCpp.Native;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>An importance matrix as the quantizer takes it, with the metadata keys llama-quantize records about it.</summary>
internal sealed unsafe class NativeImportanceMatrix : IDisposable
{
    private const int TextBytes = 128;
    private readonly List<nint> _owned = [];

    public NativeImportanceMatrix(ImportanceMatrix matrix)
    {
        // the last stays null
        var list = (llama_model_imatrix_data*)Own((nuint)((matrix.Entries.Count + 1) * sizeof(llama_model_imatrix_data)));
        int i = 0;
        foreach ((string name, ImportanceEntry entry) in matrix.Entries)
        {
            var mean = (float*)Own((nuint)entry.Sums.Length * sizeof(float));
            entry.Mean(new Span<float>(mean, entry.Sums.Length));
            byte[] utf8 = Encoding.UTF8.GetBytes(name);
            nint text = Own((nuint)utf8.Length + 1);
            Marshal.Copy(utf8, 0, text, utf8.Length);
            list[i++] = new llama_model_imatrix_data { name = text, data = (nint)mean, size = (nuint)entry.Sums.Length };
        }

        Data = (nint)list;
        var overrides = (llama_model_kv_override*)Own((nuint)(5 * sizeof(llama_model_kv_override))); // the last stays empty
        // The file's real name would be a path of this machine, and make equal artifacts differ.
        overrides[0] = Text("quantize.imatrix.file", "imatrix.gguf");
        overrides[1] = Text("quantize.imatrix.dataset", matrix.Dataset);
        overrides[2] = Number("quantize.imatrix.entries_count", matrix.Entries.Count);
        overrides[3] = Number("quantize.imatrix.chunks_count", matrix.Chunks);
        Overrides = (nint)overrides;
    }

    /// <summary><c>llama_model_imatrix_data[]</c>.</summary>
    public nint Data { get; }

    /// <summary><c>llama_model_kv_override[]</c>.</summary>
    public nint Overrides { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint pointer in _owned) NativeMemory.Free((void*)pointer);
        _owned.Clear();
    }

    private static llama_model_kv_override Number(string key, long value)
    {
        var entry = new llama_model_kv_override { tag = llama_model_kv_override_type.INT, val_i64 = value };
        Put(key, entry.key);
        return entry;
    }

    private static llama_model_kv_override Text(string key, string value)
    {
        var entry = new llama_model_kv_override { tag = llama_model_kv_override_type.STR };
        Put(key, entry.key);
        Put(value, entry.val_str);
        return entry;
    }

    /// <summary>Copies what fits, leaving a zero at the end.</summary>
    private static void Put(string text, Span<byte> destination)
    {
        destination.Clear();
        Encoding.UTF8.GetEncoder().Convert(text, destination[..(TextBytes - 1)], flush: true, out _, out _, out _);
    }

    private nint Own(nuint bytes)
    {
        var pointer = (nint)NativeMemory.AllocZeroed(bytes);
        _owned.Add(pointer);
        return pointer;
    }
}
