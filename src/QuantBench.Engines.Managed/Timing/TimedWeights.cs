using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Synthesis;
using QuantBench.Inference.Kernels;

namespace QuantBench.Engines.Managed.Timing;

/// <summary>Copies of one random matrix that take turns, so that a cold kernel finds none of its weights in a cache.</summary>
internal sealed unsafe class TimedWeights : IDisposable
{
    private const int Seed = 1;
    private const long PieceBytes = 16L << 20;

    private readonly List<NativeBuffer> _buffers = [];
    private readonly WeightMatrix[] _copies;
    private int _next;

    /// <param name="spec">The kernel.</param>
    /// <param name="kernels">The kernels that will read the weights.</param>
    /// <param name="repack">Whether they read a layout of their own where they have one, as they do in a model.</param>
    /// <param name="coldBytes">Bytes that the copies together exceed if the kernel is cold.</param>
    /// <exception cref="EngineException">There isn't enough memory.</exception>
    public TimedWeights(KernelSpec spec, KernelSet kernels, bool repack, long coldBytes)
    {
        try
        {
            NativeBuffer first = Allocate(spec.WeightBytes);
            Fill(spec, first);
            long repacked = repack ? kernels.RepackedBytes(Matrix(spec, first)) : 0;
            long bytes = repacked > 0 ? repacked : spec.WeightBytes;
            _copies = new WeightMatrix[spec.Cold ? (int)Math.Max(2, (coldBytes / bytes) + 1) : 1];
            for (int i = 0; i < _copies.Length; i++)
            {
                // What is read must differ from copy to copy; where that is the layout of their own, all may share the file's.
                NativeBuffer file = repacked > 0 || i == 0 ? first : Copy(first);
                _copies[i] = Matrix(spec, file);
                if (repacked > 0)
                    _copies[i].Repacked = (i == 0 ? Repack(_copies[0], kernels, repacked) : Copy(_buffers[1], hugePages: true)).As<byte>();
            }
        }
        catch (OutOfMemoryException e)
        {
            Dispose();
            throw new EngineException($"managed: there isn't enough memory for weights of {spec.Size} in {spec.Type}",
                "Take a smaller shape.", e);
        }
    }

    /// <summary>The next copy in turn.</summary>
    public WeightMatrix Next()
    {
        WeightMatrix next = _copies[_next];
        _next = _next + 1 == _copies.Length ? 0 : _next + 1;
        return next;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (NativeBuffer buffer in _buffers) buffer.Dispose();
        _buffers.Clear();
    }

    private static WeightMatrix Matrix(KernelSpec spec, NativeBuffer data) =>
        new(data.As<byte>(), spec.Type, spec.Size.Rows, spec.Size.Columns);

    private static void Fill(KernelSpec spec, NativeBuffer buffer)
    {
        var blocks = new SyntheticBlocks(Seed);
        long rowBytes = GgmlTypes.ByteSize(spec.Type, spec.Size.Columns);
        long piece = Math.Max(1, PieceBytes / rowBytes) * rowBytes;
        for (long at = 0; at < buffer.Bytes; at += piece)
        {
            // Products keep the size of their inputs, as in a model.
            blocks.Fill(spec.Type, new Span<byte>(buffer.As<byte>() + at, (int)Math.Min(piece, buffer.Bytes - at)),
                1 / MathF.Sqrt(spec.Size.Columns));
        }
    }

    private NativeBuffer Repack(WeightMatrix weights, KernelSet kernels, long bytes)
    {
        NativeBuffer buffer = Allocate(bytes, hugePages: true);
        weights.Repacked = buffer.As<byte>();
        using var scratch = new WorkerScratch(weights.Columns, 0);
        for (int panel = 0; panel < weights.Rows / IntegerPanels.Rows; panel++) kernels.Repack(weights, panel, scratch);
        return buffer;
    }

    private NativeBuffer Copy(NativeBuffer source, bool hugePages = false)
    {
        NativeBuffer copy = Allocate(source.Bytes, hugePages);
        Buffer.MemoryCopy(source.As<byte>(), copy.As<byte>(), copy.Bytes, source.Bytes);
        return copy;
    }

    /// <summary>Repacked rows lie on large pages, as they do in a model; the file's rows don't.</summary>
    private NativeBuffer Allocate(long bytes, bool hugePages = false)
    {
        var buffer = new NativeBuffer(bytes, hugePages);
        _buffers.Add(buffer);
        return buffer;
    }
}
