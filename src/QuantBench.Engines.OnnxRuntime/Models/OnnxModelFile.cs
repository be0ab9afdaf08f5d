using QuantBench.Core.Errors;

namespace QuantBench.Engines.OnnxRuntime.Models;

/// <summary>Finds the model file of an artifact or model source.</summary>
internal static class OnnxModelFile
{
    /// <summary>Ending of model files.</summary>
    public const string Extension = ".onnx";

    // What the exporters call a decoder, best first: one graph for prompt and generation before those that come in two.
    private static readonly string[] s_names = ["model.onnx", "decoder_model_merged.onnx", "decoder_with_past_model.onnx",
        "decoder_model.onnx"];

    /// <summary>Whether an ONNX model is at a path: a file that ends so, or a directory that holds one.</summary>
    public static bool IsAt(string path) =>
        File.Exists(path) ? path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)
            : Directory.Exists(path) && Directory.EnumerateFiles(path, "*" + Extension).Any();

    /// <summary>The model file.</summary>
    /// <param name="path">The file itself, or a directory.</param>
    /// <exception cref="ModelFormatException">There is none, or several that can't be told apart.</exception>
    public static string Find(string path)
    {
        if (File.Exists(path)) return path;
        if (GenaiConfig.Read(path)?.ModelFile is { } named)
        {
            string file = Path.GetFullPath(Path.Combine(path, named));
            if (!file.StartsWith(Path.GetFullPath(path) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new ModelFormatException(Path.Combine(path, GenaiConfig.FileName), null,
                    $"names a model file outside its directory: '{named}'.");
            if (File.Exists(file)) return file;
            // An artifact's model file is called so whatever its source was called.
            string renamed = Path.Combine(path, s_names[0]);
            return File.Exists(renamed) ? renamed
                : throw new ModelFormatException(Path.Combine(path, GenaiConfig.FileName), null,
                    $"names the model file '{named}', which isn't there.", "Copy the whole directory.");
        }

        if (s_names.Select(n => Path.Combine(path, n)).FirstOrDefault(File.Exists) is { } usual) return usual;
        string[] all = Directory.Exists(path) ? [.. Directory.EnumerateFiles(path, "*" + Extension).Order(StringComparer.Ordinal)] : [];
        return all switch
        {
            [string only] => only,
            [] => throw new ModelFormatException(path, null, "holds no .onnx file."),
            _ => throw new ModelFormatException(path, null,
                $"holds {all.Length} .onnx files ({string.Join(", ", all.Select(Path.GetFileName).Take(4))}), and none is called "
                    + $"model.onnx.", "Name one of the files itself."),
        };
    }
}
