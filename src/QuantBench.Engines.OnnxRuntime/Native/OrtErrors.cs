using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.OnnxRuntime.Native;

/// <summary>Turns what ONNX Runtime throws into one sentence.</summary>
internal static class OrtErrors
{
    private const int LongestMessage = 400;

    // What ONNX Runtime says of a sound model that it has no code for.
    private static readonly string[] s_missingAbilities =
    [
        "[ErrorCode:NotImplemented]", "is not a registered function/op", "Could not find an implementation",
        "Unsupported model IR version",
    ];

    /// <summary>First line of a message, without the error code, source positions and the names of ONNX Runtime's functions.</summary>
    public static string FirstLine(Exception error)
    {
        string line = error.Message.ReplaceLineEndings("\n").Split('\n', 2)[0].Trim();
        // "[ErrorCode:Fail] Load model from x failed: /onnxruntime_src/…/model.cc:181 onnxruntime::Model::Model(…) Unsupported model IR
        // version"
        if (line.StartsWith("[ErrorCode:", StringComparison.Ordinal) && line.IndexOf(']', StringComparison.Ordinal) is > 0 and int end)
            line = line[(end + 1)..].TrimStart();
        int source = line.IndexOf("/onnxruntime_src/", StringComparison.Ordinal);
        if (source >= 0)
        {
            int after = line.IndexOf(") ", source, StringComparison.Ordinal);
            if (after > 0) line = line[..source] + line[(after + 2)..];
        }

        return line.Length > LongestMessage ? line[..LongestMessage] + "…" : line;
    }

    /// <summary>Which library keeps a provider's own from being loaded, in the system's words: ONNX Runtime doesn't say. Null when it
    /// isn't there or can be loaded.</summary>
    /// <param name="named">The library or directory that the user named; null for the library that comes with the program.</param>
    /// <param name="provider">The provider's id, e.g. <c>cuda</c>.</param>
    public static string? LoadFault(string? named, string provider)
    {
        string folder = named is null ? AppContext.BaseDirectory : File.Exists(named) ? Path.GetDirectoryName(named) ?? "." : named;
        string file = OperatingSystem.IsWindows() ? $"onnxruntime_providers_{provider}.dll" : $"libonnxruntime_providers_{provider}.so";
        string? path = new[] { Path.Combine(folder, file), Path.Combine(folder, "lib", file) }.FirstOrDefault(File.Exists);
        if (path is null) return null;
        try
        {
            NativeLibrary.Load(Path.GetFullPath(path));
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            string[] lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string line = lines.FirstOrDefault(l => l.Contains("cannot open shared object", StringComparison.Ordinal)
                && !l.StartsWith(Path.GetFullPath(path), StringComparison.Ordinal)) ?? lines[0];
            return $"{file} can't be loaded: {line}";
        }
    }

    /// <summary>The error for a model that a session couldn't be made of.</summary>
    /// <param name="file">The model file.</param>
    /// <param name="error">What ONNX Runtime threw.</param>
    public static QuantBenchException Load(string file, OnnxRuntimeException error)
    {
        string line = FirstLine(error);
        const string Hint = "Export it again, or use an ONNX Runtime that knows its operators (--ort-library).";
        if (s_missingAbilities.Any(f => error.Message.Contains(f, StringComparison.Ordinal)))
            return new UnsupportedException(file, $"ONNX Runtime can't load it: {line}", Hint, error);
        return line.Contains("external", StringComparison.OrdinalIgnoreCase)
            ? new ModelFormatException(file, null, $"ONNX Runtime can't load it: {line}",
                "The external data file must lie beside the model, complete.", error)
            : new ModelFormatException(file, null, $"ONNX Runtime can't load it: {line}", Hint, error);
    }
}
