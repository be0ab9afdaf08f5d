using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>Owns a <c>llama_context</c>; keeps its model alive.</summary>
internal sealed class SafeLlamaContext() : SafeHandle(0, ownsHandle: true)
{
    private SafeLlamaModel? _model;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Makes a context; invalid when llama.cpp refused.</summary>
    public static SafeLlamaContext Create(SafeLlamaModel model, llama_context_params parameters)
    {
        SafeLlamaContext context = NativeParameters.Start(model, parameters);
        if (context.IsInvalid) return context;
        bool added = false;
        model.DangerousAddRef(ref added);
        context._model = model;
        return context;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMethods.llama_free(handle);
        _model?.DangerousRelease();
        return true;
    }
}
