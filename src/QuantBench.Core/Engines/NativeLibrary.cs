namespace QuantBench.Core.Engines;

/// <summary>A native library of an engine, or a directory of them, that the user may name.</summary>
/// <param name="Option">The command line's option.</param>
/// <param name="HelpName">What stands for its value in help.</param>
/// <param name="Description">Its line in help.</param>
/// <param name="What">What it is, in errors, e.g. <c>the ONNX Runtime library</c>.</param>
/// <param name="Hint">What to name, when the path isn't there.</param>
public sealed record NativeLibrary(string Option, string HelpName, string Description, string What, string Hint)
{
    /// <summary>Environment variable that may name it too; null = none.</summary>
    public string? Variable { get; init; }

    /// <summary>Whether a directory may be named.</summary>
    public bool MayBeDirectory { get; init; }

    /// <summary>Whether a file may be named.</summary>
    public bool MayBeFile { get; init; }

    /// <summary>Example of one of several that are given as <c>NAME=PATH</c>; null = there is only one, without a name.</summary>
    public string? NamedExample { get; init; }
}
