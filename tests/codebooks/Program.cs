using QuantBench.Formats.Tests.Blocks;
using QuantBench.TestKit;

// Writes src/QuantBench.Formats/Blocks/codebooks.txt from what the pinned native library decodes: dotnet run --project tests/codebooks
string path = RepositoryRoot.Combine("src", "QuantBench.Formats", "Blocks", "codebooks.txt");
File.WriteAllText(path, CodebookProbe.Text());
Console.WriteLine($"wrote {path}");
