using System.Reflection;
using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>Whether a build exports every function that is called of it: one that lacks some would fail in the middle of a cell.</summary>
internal static class SymbolCheck
{
    /// <summary>The first function that isn't there, or null. <c>llama_version</c> may be missing: builds without it tell their
    /// commit.</summary>
    /// <param name="libraries">Handles of the libraries by the name they are imported under.</param>
    public static string? FirstMissing(IReadOnlyDictionary<string, nint> libraries)
    {
        foreach (MethodInfo method in typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public))
        {
            if (method.GetCustomAttribute<LibraryImportAttribute>() is not { } import
                || !libraries.TryGetValue(import.LibraryName, out nint library)
                || method.Name == nameof(NativeMethods.llama_version))
            {
                continue;
            }

            string name = import.EntryPoint ?? method.Name;
            if (!NativeLibrary.TryGetExport(library, name, out _)) return name;
        }

        return null;
    }
}
