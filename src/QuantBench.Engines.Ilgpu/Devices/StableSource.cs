using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>
/// The same OpenCL text for the same kernel, whatever was compiled before it: ILGPU names types, functions, parameters and labels by a
/// counter of the whole process that several threads advance, and drivers find what they compiled earlier by the text.
/// </summary>
internal static partial class StableSource
{
    /// <summary>The kernel with its names numbered as they appear.</summary>
    /// <param name="kernel">As ILGPU made it.</param>
    public static CLCompiledKernel Of(CLCompiledKernel kernel) => new(kernel.Context, (SeparateViewEntryPoint)EntryPointOf(kernel),
        kernel.Info, Renumber(kernel.Source, kernel.Name), kernel.CVersion);

    /// <summary>Numbers names as they appear. A name keeps what is around its number, so different ones stay different.</summary>
    /// <param name="source">OpenCL text.</param>
    /// <param name="kernel">The kernel's name, which stays.</param>
    public static string Renumber(string source, string kernel)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        return NumberedName().Replace(source, match =>
        {
            if (match.Value == kernel) return kernel;
            if (!numbers.TryGetValue(match.Value, out int number)) numbers[match.Value] = number = numbers.Count;
            return $"{match.Groups[1].ValueSpan}_{number}{match.Groups[2].ValueSpan}";
        });
    }

    [GeneratedRegex(@"\b([A-Za-z_]\w*?)_[0-9]+((?:_[A-Za-z]\w*)?)\b", RegexOptions.CultureInvariant)]
    private static partial Regex NumberedName();

    // What a compiled kernel is launched by; ILGPU keeps it to itself.
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_EntryPoint")]
    private static extern EntryPoint EntryPointOf(CompiledKernel kernel);
}
