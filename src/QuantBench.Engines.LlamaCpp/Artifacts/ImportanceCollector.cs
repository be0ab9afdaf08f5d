using System.Numerics;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>
/// The scheduler's evaluation callback: sums the squares of every matrix multiplication's input, column by column, exactly as llama.cpp's
/// tools/imatrix does: block tensors only, at least 16 rows, expert matrices by the routing table, summed in F32 row after row.
/// </summary>
internal sealed unsafe class ImportanceCollector : IDisposable
{
    private const int FewestRows = 16; // llama-imatrix ignores smaller batches too
    private readonly SortedDictionary<string, ImportanceEntry> _entries = new(StringComparer.Ordinal);
    private readonly GCHandle _self;
    private byte[] _copy = [];
    private byte[] _ids = [];

    public ImportanceCollector() => _self = GCHandle.Alloc(this);

    /// <summary>What to give as <c>cb_eval_user_data</c>.</summary>
    public nint UserData => GCHandle.ToIntPtr(_self);

    /// <summary>Sums so far.</summary>
    public SortedDictionary<string, ImportanceEntry> Entries => _entries;

    /// <summary>What went wrong inside the callback, where no exception may leave; null when nothing did.</summary>
    public Exception? Fault { get; private set; }

    /// <inheritdoc/>
    public void Dispose() => _self.Free();

    /// <summary><c>ggml_backend_sched_eval_callback</c>: asked first whether it wants the tensor, then given it computed. False stops the
    /// computation.</summary>
    [UnmanagedCallersOnly]
    internal static byte OnTensor(ggml_tensor* tensor, byte ask, nint userData)
    {
        var self = (ImportanceCollector)GCHandle.FromIntPtr(userData).Target!; // alive as long as the session that calls
        try
        {
            if (ask != 0) return Wants(tensor) ? (byte)1 : (byte)0;
            if (self.Fault is null) self.Collect(tensor);
            return self.Fault is null ? (byte)1 : (byte)0;
        }
        catch (Exception e)
        {
            self.Fault = e;
            return 0;
        }
    }

    private static bool Wants(ggml_tensor* tensor)
    {
        if (tensor->op == LayoutCheck.MulMatId) return true;
        if (tensor->op != LayoutCheck.MulMat) return false;
        ggml_tensor* input = tensor->src1;
        return input->ne[1] >= FewestRows && input->type == ggml_type.F32
            && Name(tensor->src0).StartsWith("blk.", StringComparison.Ordinal);
    }

    /// <summary>The weight's name without a device's decoration: <c>CUDA0#blk.0.attn_k.weight#0</c> → <c>blk.0.attn_k.weight</c>.</summary>
    private static string Name(ggml_tensor* weight)
    {
        string name = NativeText.Read(weight->name);
        string[] parts = name.Split('#');
        return parts.Length > 1 ? parts[1] : name;
    }

    private void Collect(ggml_tensor* tensor)
    {
        byte* data = Host(tensor->src1);
        string name = Name(tensor->src0);
        if (tensor->op == LayoutCheck.MulMatId) CollectExperts(tensor, data, name);
        else CollectDense(tensor, data, name);
    }

    private void CollectDense(ggml_tensor* tensor, byte* data, string name)
    {
        ggml_tensor* weight = tensor->src0;
        ggml_tensor* input = tensor->src1;
        long matrices = weight->ne[2] * weight->ne[3];
        int columns = checked((int)input->ne[0]);
        ImportanceEntry entry = Entry(name, checked((int)(columns * matrices)), 1);
        for (long i3 = 0; i3 < input->ne[3]; i3++)
        {
            for (long i2 = 0; i2 < input->ne[2]; i2++)
            {
                long matrix = (i3 % weight->ne[3] * weight->ne[2]) + (i2 % weight->ne[2]);
                Span<float> sums = entry.Sums.AsSpan((int)(matrix * columns), columns);
                for (long row = 0; row < input->ne[1]; row++)
                {
                    AddSquares(new ReadOnlySpan<float>(data + (row * input->nb[1]) + (i2 * input->nb[2]) + (i3 * input->nb[3]), columns),
                        sums);
                }
            }
        }

        CheckFinite(entry.Sums, name);
        entry.Counts[0] += input->ne[1] * input->ne[2] * input->ne[3] / matrices;
    }

    private void CollectExperts(ggml_tensor* tensor, byte* data, string name)
    {
        ggml_tensor* input = tensor->src1; // [columns, experts used or 1, tokens]
        ggml_tensor* ids = tensor->src2; // [experts used, tokens], not contiguous
        if (input->type != ggml_type.F32 || input->ne[3] != 1)
        {
            throw new EngineException($"tensor '{name}' has an input of a shape that no importance matrix can hold.");
        }

        int experts = checked((int)tensor->src0->ne[2]);
        int columns = checked((int)input->ne[0]);
        ImportanceEntry entry = Entry(name, checked(columns * experts), experts);
        int idBytes = checked((int)NativeMethods.ggml_nbytes(ids));
        if (_ids.Length < idBytes) _ids = new byte[idBytes];
        fixed (byte* table = _ids)
        {
            NativeMethods.ggml_backend_tensor_get(ids, table, 0, (nuint)idBytes);
            for (long used = 0; used < ids->ne[0]; used++)
            {
                for (long token = 0; token < input->ne[2]; token++)
                {
                    int expert = *(int*)(table + (token * ids->nb[1]) + (used * ids->nb[0]));
                    if ((uint)expert >= (uint)experts)
                        throw new EngineException($"tensor '{name}' was routed to expert {expert} of {experts}.");
                    byte* row = data + (used % input->ne[1] * input->nb[1]) + (token * input->nb[2]);
                    AddSquares(new ReadOnlySpan<float>(row, columns), entry.Sums.AsSpan(expert * columns, columns));
                    entry.Counts[expert]++;
                }
            }
        }

        CheckFinite(entry.Sums, name);
    }

    /// <summary>sums[j] += row[j]², each product rounded before it is added, as the C code does.</summary>
    private static void AddSquares(ReadOnlySpan<float> row, Span<float> sums)
    {
        int at = 0;
        for (; at <= row.Length - Vector<float>.Count; at += Vector<float>.Count)
        {
            var x = new Vector<float>(row[at..]);
            (new Vector<float>(sums[at..]) + (x * x)).CopyTo(sums[at..]);
        }

        for (; at < row.Length; at++) sums[at] += row[at] * row[at];
    }

    private static void CheckFinite(ReadOnlySpan<float> sums, string name)
    {
        foreach (float sum in sums)
        {
            if (!float.IsFinite(sum))
            {
                throw new EngineException($"The activations that enter '{name}' aren't finite, so no importance matrix can be computed.");
            }
        }
    }

    private ImportanceEntry Entry(string name, int values, int counts)
    {
        if (!_entries.TryGetValue(name, out ImportanceEntry? entry))
            _entries[name] = entry = new ImportanceEntry(new float[values], new long[counts]);
        if (entry.Sums.Length != values || entry.Counts.Length != counts)
        {
            throw new EngineException($"Tensor '{name}' is used with two different shapes.");
        }

        return entry;
    }

    private byte* Host(ggml_tensor* tensor)
    {
        if (NativeMethods.ggml_backend_buffer_is_host(tensor->buffer)) return tensor->data;
        int bytes = checked((int)NativeMethods.ggml_nbytes(tensor));
        if (_copy.Length < bytes) _copy = GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
        var pinned = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_copy, 0);
        NativeMethods.ggml_backend_tensor_get(tensor, pinned, 0, (nuint)bytes);
        return pinned;
    }
}
