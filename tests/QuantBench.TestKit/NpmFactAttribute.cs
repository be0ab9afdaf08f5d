using Xunit;

namespace QuantBench.TestKit;

/// <summary>A test with what npm brings; skipped with its reason where that isn't, unless QB_REQUIRE_NPM is set.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NpmFactAttribute : FactAttribute
{
    public NpmFactAttribute(params NpmPackage[] packages) =>
        Skip = packages.Select(NpmPackages.Missing).FirstOrDefault(reason => reason is not null);
}
