using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Kernels;

/// <summary>An engine whose kernels can be timed one by one. Optional: the workload <c>kernel</c> asks an engine whether it is
/// one.</summary>
public interface IKernelEngine
{
    /// <summary>Block types with kernels, on every device.</summary>
    ImmutableArray<GgmlType> KernelTypes { get; }

    /// <summary>Whether timing kernels on a device makes sense at all; whether the device can be used, <see cref="IEngine.Devices"/>
    /// says.</summary>
    /// <param name="device">A device id.</param>
    Support CanTimeOn(string device) => Support.Yes;

    /// <summary>Whether a kernel can be timed on a device.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="device">A device id, e.g. <c>avx2</c>.</param>
    Support CanRunKernel(KernelSpec kernel, string device);

    /// <summary>Makes random weights and inputs for a kernel; the same ones each time.</summary>
    /// <param name="kernel">A kernel that <see cref="CanRunKernel"/> said yes to.</param>
    /// <param name="device">Where to run it; never another device than this one.</param>
    /// <param name="threads">CPU threads; at least 1.</param>
    /// <param name="coldBytes">Bytes of weights that no cache can hold: cold kernels take turns over at least so many.</param>
    /// <exception cref="QuantBench.Core.Errors.EngineException">It can't be made, e.g. for lack of memory.</exception>
    IKernel CreateKernel(KernelSpec kernel, string device, int threads, long coldBytes);
}

/// <summary>A kernel with its weights and inputs, ready to be timed. Used from one thread.</summary>
public interface IKernel : IDisposable
{
    /// <summary>Does the operation once; all of its results are there when this returns. Nothing is allocated.</summary>
    void Run();

    /// <summary>Results of the last <see cref="Run"/>: [tokens, rows], or [rows, columns] of decoded weights.</summary>
    ReadOnlySpan<float> Output { get; }
}
