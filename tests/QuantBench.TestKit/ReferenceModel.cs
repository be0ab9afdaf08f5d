namespace QuantBench.TestKit;

/// <summary>The reference model of the repository.</summary>
public static class ReferenceModel
{
    /// <summary>Its directory.</summary>
    public static string Directory => RepositoryRoot.Combine("datasets", "reference-model");
}
