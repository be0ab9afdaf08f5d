namespace QuantBench.Engines.LLamaSharp.Sessions;

/// <summary>A device of LLamaSharp's build.</summary>
/// <param name="Id"><c>cpu</c>, <c>metal</c>, <c>cuda:0</c>.</param>
/// <param name="NativeName">ggml's name; buffer types start with it.</param>
/// <param name="Handle"><c>ggml_backend_dev_t</c>.</param>
internal sealed record SharpDevice(string Id, string NativeName, nint Handle)
{
    /// <summary>Whether it is the CPU.</summary>
    public bool IsHost => Id == "cpu";
}
