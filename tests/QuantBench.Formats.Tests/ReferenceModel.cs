using QuantBench.TestKit;

namespace QuantBench.Formats.Tests;

/// <summary>The reference model of the repository.</summary>
internal static class ReferenceModel
{
    /// <summary>Its directory.</summary>
    public static string Directory => RepositoryRoot.Combine("datasets", "reference-model");
}
