namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>
/// ggml's worker threads, kept between computations as llama-bench and llama-perplexity do; without them ggml starts and joins threads for
/// every token. The functions live in whichever CPU backend was loaded, so they are asked for by name.
/// </summary>
internal sealed unsafe class LlamaThreadpool : IDisposable
{
    private readonly delegate* unmanaged<nint, void> _free;
    private nint _handle;

    private LlamaThreadpool(nint handle, delegate* unmanaged<nint, void> free)
    {
        _handle = handle;
        _free = free;
    }

    /// <summary>The native <c>ggml_threadpool</c>.</summary>
    public nint Handle => _handle;

    /// <summary>Starts the threads; null when the CPU backend has no thread pools.</summary>
    /// <param name="cpuDevice">The CPU's <c>ggml_backend_dev_t</c>.</param>
    /// <param name="threads">Threads, the calling one included.</param>
    /// <param name="sleepAtOnce">Whether idle threads sleep instead of polling for the next computation.</param>
    public static LlamaThreadpool? Start(nint cpuDevice, int threads, bool sleepAtOnce)
    {
        nint registry = NativeMethods.ggml_backend_dev_backend_reg(cpuDevice);
        var create =
            (delegate* unmanaged<ggml_threadpool_params*, nint>)NativeMethods.ggml_backend_reg_get_proc_address(registry,
                "ggml_threadpool_new");
        var free = (delegate* unmanaged<nint, void>)NativeMethods.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_free");
        if (create is null || free is null) return null;
        ggml_threadpool_params parameters = NativeMethods.ggml_threadpool_params_default(threads);
        // The default polls for about 0.1 s; on a machine with as many threads as cores that takes a core from whoever works meanwhile.
        if (sleepAtOnce) parameters.poll = 0;
        nint handle = create(&parameters);
        return handle == 0 ? null : new LlamaThreadpool(handle, free);
    }

    /// <summary>Ends the threads; no context may use them any more.</summary>
    public void Dispose()
    {
        nint handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0) _free(handle);
    }
}
