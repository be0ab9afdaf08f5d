namespace QuantBench.Runner.Preparation;

/// <summary>Errors about an artifact name the user's own file: the copy in the cache is nobody's to mend.</summary>
internal static class UsersPath
{
    // Builders whose artifacts are the source's own files.
    private static readonly string[] s_copies = ["gguf-copy", "directory-copy", "onnx-given"];

    /// <summary>A text with the artifact's path put in the user's terms.</summary>
    /// <param name="text">What an engine or reader says.</param>
    /// <param name="artifact">Path of the artifact.</param>
    /// <param name="source">Path of the model source.</param>
    /// <param name="name">The artifact's name, e.g. <c>gguf:F32</c>.</param>
    /// <param name="builder">Who made it.</param>
    public static string In(string text, string artifact, string source, string name, string builder) =>
        text.Replace(artifact, s_copies.Contains(builder) ? source : $"{source} (as {name})", StringComparison.Ordinal);
}
