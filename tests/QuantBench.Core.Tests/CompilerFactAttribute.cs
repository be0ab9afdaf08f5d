namespace QuantBench.Core.Tests;

/// <summary>A test that builds a native library; skipped where there is no compiler.</summary>
internal sealed class CompilerFactAttribute : FactAttribute
{
    public const string Compiler = "/usr/bin/cc";

    public CompilerFactAttribute() => Skip = Missing;

    public static string? Missing => OperatingSystem.IsLinux() && File.Exists(Compiler) ? null : $"there is no {Compiler} here";
}
