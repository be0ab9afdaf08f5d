using System.Runtime.InteropServices;
using System.Text;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>Rules for single tensors as the quantizer takes them: regular expressions over names, the first that matches holds.</summary>
internal sealed unsafe class NativeTensorTypes : IDisposable
{
    private readonly List<nint> _owned = [];

    public NativeTensorTypes(TensorTypes types)
    {
        // the last stays null
        var list = (llama_model_tensor_override*)Own((nuint)((types.Rules.Length + 1) * sizeof(llama_model_tensor_override)));
        for (int i = 0; i < types.Rules.Length; i++)
        {
            TensorTypeRule rule = types.Rules[i];
            byte[] utf8 = Encoding.UTF8.GetBytes($"(^|\\.){rule.Tensor.Replace(".", "\\.", StringComparison.Ordinal)}\\.weight$");
            nint text = Own((nuint)utf8.Length + 1);
            Marshal.Copy(utf8, 0, text, utf8.Length);
            list[i] = new llama_model_tensor_override { pattern = text, type = (ggml_type)(int)Enum.Parse<GgmlType>(rule.Type) };
        }

        Data = (nint)list;
    }

    /// <summary><c>llama_model_tensor_override[]</c>.</summary>
    public nint Data { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint pointer in _owned) NativeMemory.Free((void*)pointer);
        _owned.Clear();
    }

    private nint Own(nuint bytes)
    {
        var pointer = (nint)NativeMemory.AllocZeroed(bytes);
        _owned.Add(pointer);
        return pointer;
    }
}
