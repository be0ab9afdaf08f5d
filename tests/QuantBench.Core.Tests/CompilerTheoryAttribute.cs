namespace QuantBench.Core.Tests;

/// <summary>As <see cref="CompilerFactAttribute"/>, for theories.</summary>
internal sealed class CompilerTheoryAttribute : TheoryAttribute
{
    public CompilerTheoryAttribute() => Skip = CompilerFactAttribute.Missing;
}
