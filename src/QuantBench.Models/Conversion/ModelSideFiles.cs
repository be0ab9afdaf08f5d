using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Models.Conversion;

/// <summary>What lies beside the weights of a model directory and belongs to the model: its tokenizer and how it is used.</summary>
internal static class ModelSideFiles
{
    private static readonly string[] s_names =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
        "tokenizer.model",
        "generation_config.json", "chat_template.jinja", "chat_template.json",
    ];

    /// <summary>Copies what is there.</summary>
    /// <param name="from">A model directory.</param>
    /// <param name="to">A directory that exists; files in it are replaced.</param>
    /// <exception cref="RequestException">A file can't be read or written.</exception>
    public static void Copy(string from, string to)
    {
        foreach (string name in s_names)
        {
            string source = Path.Combine(from, name);
            if (!File.Exists(source)) continue;
            ModelLinks.Check(from, source);
            Copy(source, to, name);
        }
    }

    /// <summary>Copies a file.</summary>
    /// <param name="source">The file.</param>
    /// <param name="directory">Where to.</param>
    /// <param name="name">Its name there.</param>
    /// <exception cref="RequestException">It can't be read or written.</exception>
    public static void Copy(string source, string directory, string name)
    {
        string target = Path.Combine(directory, name);
        DiskFault.AsRequest(
            $"'{source}' can't be copied to '{target}'", "Check that the directory may be written to and the disk has room.",
            () => File.Copy(source, target, overwrite: true));
    }
}
