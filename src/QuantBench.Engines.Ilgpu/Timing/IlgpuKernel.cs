using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using QuantBench.Core.Errors;
using QuantBench.Core.Statistics;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Inference.Kernels;
using QuantBench.Models.Synthesis;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Ilgpu.Timing;

/// <summary>One kernel with its weights and inputs on a device, launched as the transformer launches it and timed by the device's
/// events.</summary>
internal sealed class IlgpuKernel : IDeviceKernel
{
    private const string What = "the kernel that is timed";
    private const int CopySamples = 15;

    private readonly KernelSpec _spec;
    private readonly Stack<IDisposable> _owned = new();
    private readonly DeviceMemory _device;
    private readonly GraphKernels _kernels;
    private readonly FormatKernels _products;
    private readonly DeviceMatrix[] _weights;
    private readonly InputBuffer _inputs;
    private readonly MemoryBuffer1D<float, Stride1D.Dense>[] _outputs;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _rows;
    private readonly float[] _results;
    private readonly long _coldBytes;
    private readonly bool _rounds;
    private int _turn;

    /// <param name="spec">The kernel.</param>
    /// <param name="device">Id of a usable device.</param>
    /// <param name="coldBytes">Bytes that cold weights exceed.</param>
    /// <exception cref="EngineException">The device can't be opened, or hasn't enough memory.</exception>
    public IlgpuKernel(KernelSpec spec, string device, long coldBytes)
    {
        (_spec, _coldBytes) = (spec, coldBytes);
        string backend = $"ilgpu/{device}";
        DeviceMemory? open = null;
        try
        {
            DeviceList list = Own(new DeviceList(profiling: true));
            _device = open = new DeviceMemory(Own(list.Open(device)), backend);
            _kernels = new GraphKernels(_device);
            _weights = Upload();
            _products = _kernels.Of(_weights[0].Format);
            _inputs = Own(Inputs());
            _results = new float[checked((int)(spec.Op == KernelOp.Dequantize ? spec.Size.Elements : (long)spec.Tokens * spec.Size.Rows))];

            // Decoded weights go to memory as those read come from it; a product's results are small and stay near, as in a model.
            _outputs = new MemoryBuffer1D<float, Stride1D.Dense>[spec is { Cold: true, Op: KernelOp.Dequantize }
                ? Copies(_results.LongLength * sizeof(float)) : 1];
            for (int i = 0; i < _outputs.Length; i++) _outputs[i] = Own(_device.AllocateZeroed<float>(_results.Length, What));
            _rows = Own(_device.Allocate<int>(spec.Size.Rows, What));
            int[] rows = [.. Enumerable.Range(0, spec.Size.Rows)];
            _device.Write<int>(_rows.View, rows);
            _rounds = spec.Op is KernelOp.MatVec or KernelOp.MatMat && !_weights[0].Format.ReadsFloats;
            Round();
            _device.Stream.Synchronize();
        }
        catch (Exception e)
        {
            Dispose();
            if (e is QuantBenchException) throw;
            throw open is null
                ? new EngineException($"{backend}: the device could not be opened ({DeviceMemory.Cause(e)}).",
                    "'quantbench doctor' lists the devices.", e)
                : open.Failed(e, "making a kernel");
        }
    }

    /// <inheritdoc />
    public ReadOnlySpan<float> Output
    {
        get
        {
            Guard(() => _device.Read<float>(_outputs[Last(_outputs.Length)].View, _results));
            return _results;
        }
    }

    /// <inheritdoc />
    public void Run() => Guard(() =>
    {
        Queue();
        _device.Stream.Synchronize();
    });

    /// <inheritdoc />
    public double Time(int runs)
    {
        double seconds = 0;
        Guard(() => seconds = Timed(Queue, runs));
        return seconds;
    }

    /// <inheritdoc />
    public double CopyBandwidth()
    {
        double rate = 0;
        Guard(() =>
        {
            long units = Math.Max(_coldBytes / 16, 1 << 20);
            using MemoryBuffer1D<Int4, Stride1D.Dense> from = _device.AllocateZeroed<Int4>(units, What),
                to = _device.AllocateZeroed<Int4>(units, What);
            var copy = _device.Compile<Action<AcceleratorStream, KernelConfig, ArrayView<Int4>, ArrayView<Int4>>>(CopyKernels.Copy);
            KernelConfig config = _kernels.Groups((int)Math.Min((units + _kernels.Threads - 1) / _kernels.Threads, 1 << 16));
            double[] samples = [
                .. Enumerable.Range(0, CopySamples).Select(_ => Timed(() => copy(_device.Stream, config, from.View, to.View), 1))];
            rate = 32.0 * units / Descriptive.Median(samples);
        });
        return rate;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        while (_owned.TryPop(out IDisposable? owned)) owned.Dispose();
    }

    private T Own<T>(T made)
        where T : IDisposable
    {
        _owned.Push(made);
        return made;
    }

    /// <summary>Copies that together exceed what caches hold.</summary>
    private int Copies(long bytes) => (int)Math.Max(2, (_coldBytes / bytes) + 1);

    private DeviceMatrix[] Upload()
    {
        DeviceMatrix first = Own(UploadRandom());
        var all = new DeviceMatrix[_spec.Cold ? Copies(first.Bytes) : 1];
        all[0] = first;
        for (int i = 1; i < all.Length; i++) all[i] = Own(first.Copy(_device, What));
        return all;
    }

    private unsafe DeviceMatrix UploadRandom()
    {
        byte* host = (byte*)NativeMemory.Alloc((nuint)_spec.WeightBytes);
        try
        {
            SyntheticBlocks.FillMatrix(_spec.Type, _spec.Size.Columns, host, _spec.WeightBytes);
            return DeviceMatrix.Upload(_device, What, new WeightMatrix(host, _spec.Type, _spec.Size.Rows, _spec.Size.Columns));
        }
        finally
        {
            NativeMemory.Free(host);
        }
    }

    private InputBuffer Inputs()
    {
        var inputs = new InputBuffer(_device, _spec.Tokens, _spec.Size.Columns);
        var random = new Random(1);
        float[] values = new float[(long)_spec.Tokens * inputs.View.Stride];
        for (int i = 0; i < values.Length; i++) values[i] = (float)((2 * random.NextDouble()) - 1);
        _device.Write<float>(inputs.Values.View, values);
        return inputs;
    }

    private void Round()
    {
        int perGroup = _kernels.Threads * InputKernels.PerThread;
        _kernels.Round.Queue(_device.Stream, _kernels.Groups((_inputs.View.Stride + perGroup - 1) / perGroup, _spec.Tokens), _inputs.View);
    }

    /// <summary>Queues the operation once, on the weights whose turn it is.</summary>
    private void Queue()
    {
        MatrixView weights = _weights[_turn % _weights.Length].View;
        ArrayView<float> output = _outputs[_turn % _outputs.Length].View;
        _turn = (_turn + 1) % (_weights.Length * _outputs.Length);
        if (_rounds) Round();
        if (_spec.Op == KernelOp.Dequantize)
            _products.Gather(_device.Stream, _kernels.Threads, weights, _rows.View, weights.Rows, output, _spec.Size.Columns,
                _spec.Size.Columns, 1);
        else if (_spec.Tokens <= DeviceTransformer.MatVecTokens)
            _products.MatVec(_device.Stream, _kernels.Threads, weights, _inputs.View, _spec.Tokens, output, weights.Rows, 0);
        else _products.MatMul(_device.Stream, weights, _inputs.View, _spec.Tokens, output, weights.Rows, 0);
    }

    /// <summary>The place of the last one used in a ring of so many.</summary>
    private int Last(int length) => (_turn + (_weights.Length * _outputs.Length) - 1) % (_weights.Length * _outputs.Length) % length;

    private double Timed(Action queue, int runs)
    {
        // One more in front: the device is still at it while the host queues the others, so that no launch is waited for.
        queue();
        using ProfilingMarker start = _device.Stream.AddProfilingMarker();
        for (int i = 0; i < runs; i++) queue();
        using ProfilingMarker end = _device.Stream.AddProfilingMarker();
        end.Synchronize();
        return (end - start).TotalSeconds;
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is not QuantBenchException)
        {
            throw _device.Failed(e, "timing a kernel");
        }
    }
}
