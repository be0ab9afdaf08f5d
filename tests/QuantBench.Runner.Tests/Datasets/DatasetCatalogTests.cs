using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Runner.Datasets;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Datasets;

public sealed class DatasetCatalogTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    private string Datasets => _folder.Combine("datasets");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("letters", "b\n\nd")] // the default split: every 2nd from 1
    [InlineData("letters:rest", "a\n\nc\n\nE")]
    public async Task Resolve_AssemblesASplit_SortedOrdinallyByFileName(string name, string expected)
    {
        // 'E5' sorts before 'a' by culture, after 'D' by ordinal; names decide, not contents.
        Package("1.0.0", ("1.txt", "a"), ("2.txt", "b"), ("3.txt", "c"), ("4.txt", "d"), ("5.txt", "E"));
        Descriptor("""
            name: letters
            source: { npm: "@x/letters", version: 1.0.0, files: "data/*.txt" }
            splits:
              odd: { every: 2, at: 1 }
              rest: { rest: true }
            default_split: odd
            """);

        DatasetText text = await Catalog().ResolveAsync(name, _folder.Path, CancellationToken.None);

        Assert.Equal(expected, text.Text);
        Assert.Equal(Sha256(expected), text.Sha256);
    }

    [Fact]
    public async Task Resolve_FailsWithTheSetupCommand_WhenThePackageIsMissing()
    {
        Descriptor("""
            name: letters
            source: { npm: "@x/letters", version: 1.0.0, files: "data/*.txt" }
            splits: { all: { rest: true } }
            """);

        var e = await Assert.ThrowsAsync<RequestException>(() => Catalog().ResolveAsync("letters", _folder.Path, CancellationToken.None));

        Assert.Contains("./run-bench.sh setup", e.Hint, StringComparison.Ordinal);
        Assert.Contains("npm", e.Hint, StringComparison.Ordinal);
        Assert.Contains("./run-bench.sh setup", Catalog().List().Single().Missing, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name: [")]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("name: broken\nsource: { npm: \"@x/letters\", version: 1.0.0, files: \"../*\" }\nsplits: { all: { every: -1 } }\n")]
    public void List_TellsOfABrokenDescriptor_AndOfTheOthers(string text)
    {
        Descriptor("""
            name: letters
            source: { npm: "@x/letters", version: 1.0.0, files: "data/*.txt" }
            splits: { all: { rest: true } }
            """);
        File.WriteAllText(Path.Combine(Datasets, "broken.yaml"), text);

        DatasetStatus[] all = [.. Catalog().List()];

        Assert.Null(Assert.Single(all, d => d.Name == "letters").Fault);
        Assert.Contains("broken.yaml", Assert.Single(all, d => d.Name == "broken").Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_Fails_WhenThePackageHasAnotherVersion()
    {
        Package("1.0.1", ("1.txt", "a"));
        Descriptor("""
            name: letters
            source: { npm: "@x/letters", version: 1.0.0, files: "data/*.txt" }
            splits: { all: { rest: true } }
            """);

        var e = await Assert.ThrowsAsync<RequestException>(() => Catalog().ResolveAsync("letters", _folder.Path, CancellationToken.None));

        Assert.Contains("1.0.1", e.Message, StringComparison.Ordinal);
        Assert.Contains("1.0.0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_Fails_WhenTheTextHasAnotherHash()
    {
        Package("1.0.0", ("1.txt", "changed"));
        Descriptor($$"""
            name: letters
            source: { npm: "@x/letters", version: 1.0.0, files: "data/*.txt" }
            splits: { all: { rest: true, sha256: {{Sha256("original")}} } }
            """);

        var e = await Assert.ThrowsAsync<ModelFormatException>(() =>
            Catalog().ResolveAsync("letters", _folder.Path, CancellationToken.None));

        Assert.Contains(Sha256("changed"), e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nothing", "letters")]
    [InlineData("letters:nothing", "all")]
    public async Task Resolve_NamesWhatThereIs_WhenANameIsUnknown(string name, string known)
    {
        Package("1.0.0", ("1.txt", "a"));
        Descriptor("""
            name: letters
            source: { npm: "@x/letters", version: 1.0.0, files: "data/*.txt" }
            splits: { all: { rest: true } }
            """);

        var e = await Assert.ThrowsAsync<RequestException>(() => Catalog().ResolveAsync(name, _folder.Path, CancellationToken.None));

        Assert.Contains(known, e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_ReadsALocalFile_RelativeToTheSuite()
    {
        _folder.Write("mine.txt", Encoding.UTF8.GetBytes("héllo"));

        DatasetText text = await Catalog().ResolveAsync("mine.txt", _folder.Path, CancellationToken.None);

        Assert.Equal("héllo", text.Text);
        Assert.Equal(6, text.Bytes);
    }

    [Fact]
    public async Task Resolve_JoinsTheTextsOfAJsonlFile()
    {
        _folder.Write("mine.jsonl", "{\"text\":\"one\",\"id\":1}\n\n{\"text\":\"two\\nlines\"}\n"u8.ToArray());

        DatasetText text = await Catalog().ResolveAsync("./mine.jsonl", _folder.Path, CancellationToken.None);

        Assert.Equal("one\n\ntwo\nlines", text.Text);
    }

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.JSONL")]
    [InlineData("a.ndjson")]
    [InlineData("a.NdJson")]
    [InlineData("a.json")]
    [InlineData("./a")]
    [InlineData("a.txt")]
    public async Task Resolve_ReadsJsonLines_WhateverTheyAreCalled(string name)
    {
        const string Plain = "{\"text\":\"one\",\"id\":1}\n{\"text\":\"two\"}\n";
        foreach (string content in new[] { Plain, "\uFEFF" + Plain, Plain.Replace("\n", "\r\n", StringComparison.Ordinal) })
        {
            _folder.Write(name, Encoding.UTF8.GetBytes(content));

            DatasetText text = await Catalog().ResolveAsync(name, _folder.Path, CancellationToken.None);

            Assert.Equal("one\n\ntwo", text.Text);
        }
    }

    [Theory]
    [InlineData("{ this is prose }\nand more")]
    [InlineData("{\"name\":\"one\"}\n{\"name\":\"two\"}")] // JSON, but no texts: measured as it is
    [InlineData("\uFEFFplain")]
    public async Task Resolve_ReadsOtherTextAsItIs(string content)
    {
        _folder.Write("a.txt", Encoding.UTF8.GetBytes(content));

        DatasetText text = await Catalog().ResolveAsync("a.txt", _folder.Path, CancellationToken.None);

        Assert.Equal(content.TrimStart('\uFEFF'), text.Text);
        Assert.Equal(Sha256(text.Text), text.Sha256);
    }

    [Theory]
    [InlineData("{\"text\":\"one \\ud83d\"}\n{\"text\":\"two\"}\n", 1)]
    [InlineData("{\"text\":\"one\"}\n{\"text\":\"\\udcb2 tail\"}\n", 2)]
    public async Task Resolve_NamesTheLine_WhenItHasHalfASurrogatePair(string content, int line)
    {
        _folder.Write("mine.jsonl", Encoding.UTF8.GetBytes(content));

        var e = await Assert.ThrowsAsync<SuiteException>(() => Catalog().ResolveAsync("mine.jsonl", _folder.Path, CancellationToken.None));

        Assert.Equal(line, e.Line);
        Assert.Contains("surrogate", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_DoesntLookAtWhatIsBesideTheText()
    {
        _folder.Write("mine.jsonl", "{\"text\":\"one\",\"meta\":\"\\ud83d\"}"u8.ToArray());

        Assert.Equal("one", (await Catalog().ResolveAsync("mine.jsonl", _folder.Path, CancellationToken.None)).Text);
    }

    [Theory]
    [InlineData("{\"text\":\"one\"}\n{\"txt\":\"two\"}\n", 2)]
    [InlineData("{\"text\":\"one\"}\n\n{broken\n", 3)] // an empty line counts
    [InlineData("[1]\n", 1)]
    [InlineData("{\"text\":5}\n", 1)]
    public async Task Resolve_NamesTheLine_WhenAJsonlFileIsBroken(string content, int line)
    {
        _folder.Write("mine.jsonl", Encoding.UTF8.GetBytes(content));

        var e = await Assert.ThrowsAsync<SuiteException>(() => Catalog().ResolveAsync("mine.jsonl", _folder.Path, CancellationToken.None));

        Assert.Equal(line, e.Line);
    }

    [Fact]
    public async Task Resolve_Fails_WhenATextIsNotUtf8()
    {
        _folder.Write("mine.txt", [0x41, 0xff, 0x42]);

        var e = await Assert.ThrowsAsync<ModelFormatException>(() =>
            Catalog().ResolveAsync("mine.txt", _folder.Path, CancellationToken.None));

        Assert.Contains("UTF-8", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_DownloadsOnce_AndUnpacksTheEntry()
    {
        byte[] zip = Zip("folder/test.raw", "the text");
        UrlDescriptor(zip);
        int downloads = 0;
        var catalog = new DatasetCatalog(Datasets, _folder.Combine("cache"), (_, _) =>
        {
            downloads++;
            return Task.FromResult<Stream>(new MemoryStream(zip));
        });

        DatasetText first = await catalog.ResolveAsync("web", _folder.Path, CancellationToken.None);
        DatasetText second = await catalog.ResolveAsync("web", _folder.Path, CancellationToken.None);

        Assert.Equal("the text", first.Text);
        Assert.Equal(first, second);
        Assert.Equal(1, downloads);
    }

    [Fact]
    public async Task Resolve_KeepsNothing_WhenTheDownloadHasAnotherHash()
    {
        UrlDescriptor(Zip("folder/test.raw", "the text"));
        var catalog = new DatasetCatalog(Datasets, _folder.Combine("cache"),
            (_, _) => Task.FromResult<Stream>(new MemoryStream([1, 2, 3])));

        await Assert.ThrowsAsync<ModelFormatException>(() => catalog.ResolveAsync("web", _folder.Path, CancellationToken.None));

        Assert.Empty(Directory.EnumerateFiles(_folder.Combine("cache"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Resolve_SaysWhereToPutTheFile_WhenThereIsNoNetwork()
    {
        UrlDescriptor(Zip("folder/test.raw", "the text"));
        var catalog = new DatasetCatalog(Datasets, _folder.Combine("cache"), (_, _) => throw new HttpRequestException("no route to host"));

        var e = await Assert.ThrowsAsync<RequestException>(() => catalog.ResolveAsync("web", _folder.Path, CancellationToken.None));

        Assert.Contains("no route to host", e.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_folder.Combine("cache"), "downloads", "web", "web.zip"), e.Hint, StringComparison.Ordinal);
        Assert.Contains("dataset:", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_SamplesATrace_KeepsIt_AndSamplesItAgainWhenTheKeptOneIsDamaged()
    {
        Trace("test: { rest: true }");
        DatasetText sampled = await Catalog().ResolveAsync("own", _folder.Path, CancellationToken.None);
        string kept = Directory.GetFiles(_folder.Combine("cache/traces")).Single();

        await File.WriteAllTextAsync(kept, """["a","b","c"]""");
        DatasetText fromCache = await Catalog().ResolveAsync("own", _folder.Path, CancellationToken.None);
        await File.WriteAllTextAsync(kept, "[\"a\",");
        DatasetText again = await Catalog().ResolveAsync("own", _folder.Path, CancellationToken.None);

        Assert.Equal(3, sampled.Text.Split("\n\n\n").Length);
        Assert.Equal("a\n\n\nb\n\n\nc", fromCache.Text);
        Assert.Equal(sampled.Sha256, again.Sha256);
    }

    [Fact]
    public async Task Resolve_RefusesATraceOfAnotherModel()
    {
        Trace($"test: {{ rest: true, sha256: {new string('1', 64)} }}");

        var e = await Assert.ThrowsAsync<ModelFormatException>(() => Catalog().ResolveAsync("own", _folder.Path, CancellationToken.None));

        Assert.Contains("another one", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_SaysWhatIsMissing_WhenATracesModelIsntThere()
    {
        Trace("test: { rest: true }", "no-such-model");

        var e = await Assert.ThrowsAsync<RequestException>(() => Catalog().ResolveAsync("own", _folder.Path, CancellationToken.None));

        Assert.Contains("no-such-model", e.Message, StringComparison.Ordinal);
        Assert.Contains("isn't there", Catalog().List().Single().Missing, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null, "sotu")]
    [InlineData("not here", null, "trace")]
    [InlineData("not here", "not here", null)]
    public void MainText_IsTheSpeechesWhereTheyAre_ElseTheTrace(string? speeches, string? trace, string? expected)
    {
        DatasetStatus Status(string name, string? missing) => new(name, "", "", [], missing);

        Assert.Equal(expected, MainText.Choose([Status("sotu", speeches), Status("trace", trace)])?.Name);
    }

    [Fact]
    public void Descriptors_OfThisRepository_AreValid()
    {
        var catalog = new DatasetCatalog(RepositoryRoot.Combine("datasets"), _folder.Combine("cache"));

        Assert.Equal(["moby-dick", "sotu", "trace", "wikitext-2"], catalog.List().Select(d => d.Name));
    }

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static byte[] Zip(string entry, string content)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            using Stream file = zip.CreateEntry(entry).Open();
            file.Write(Encoding.UTF8.GetBytes(content));
        }

        return stream.ToArray();
    }

    private DatasetCatalog Catalog() => new(Datasets, _folder.Combine("cache"));

    private void UrlDescriptor(byte[] zip) => Descriptor($$"""
        name: web
        source: { url: "https://example.org/web.zip", sha256: {{Convert.ToHexStringLower(SHA256.HashData(zip))}}, entry: folder/test.raw }
        splits: { all: { rest: true } }
        """);

    private void Trace(string split, string? model = null) => Descriptor($$"""
        name: own
        source: { trace: "{{model ?? RepositoryRoot.Combine("datasets", "reference-model")}}", seed: 7, documents: 3, tokens: 6 }
        join: "\n\n\n"
        splits: { {{split}} }
        """);

    private void Descriptor(string yaml)
    {
        Directory.CreateDirectory(Datasets);
        File.WriteAllText(Path.Combine(Datasets, "one.yaml"), yaml);
    }

    private void Package(string version, params (string Name, string Text)[] files)
    {
        string package = Path.Combine(Datasets, "node_modules", "@x", "letters");
        Directory.CreateDirectory(Path.Combine(package, "data"));
        File.WriteAllText(Path.Combine(package, "package.json"), $"{{\"version\":\"{version}\"}}");
        foreach ((string name, string text) in files) File.WriteAllText(Path.Combine(package, "data", name), text);
    }
}
