using QuantBench.Formats.Tests.Blocks;
using QuantBench.TestKit;

// Writes src/QuantBench.Formats/Blocks/Codebooks.IQ*.cs from what the pinned native library decodes: dotnet run --project tests/codebooks
string folder = RepositoryRoot.Combine("src", "QuantBench.Formats", "Blocks");
foreach ((string name, string text) in CodebookProbe.Files())
{
    File.WriteAllText(Path.Combine(folder, name), text);
    Console.WriteLine($"wrote {name}");
}
