namespace QuantBench.Core.Tests;

/// <summary>Finds files of the checkout from the test's output directory.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string Suite(string name) => Path.Combine(Root, "suites", name);

    private static string Find()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "QuantBench.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new DirectoryNotFoundException("no QuantBench.sln above the tests");
    }
}
