using Xunit;

namespace QuantBench.TestKit;

/// <summary>A test with vocabularies of released models; skipped with its reason where they aren't.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class VocabularyTheoryAttribute : TheoryAttribute
{
    public VocabularyTheoryAttribute() => Skip = Vocabularies.Missing;
}
