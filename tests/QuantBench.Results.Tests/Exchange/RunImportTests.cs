using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Exchange;

public sealed class RunImportTests : IDisposable
{
    private readonly TemporaryFolder _there = new();
    private readonly TemporaryFolder _here = new();
    private readonly RunRecord _sample = SampleRun.Make();
    private readonly string _folder;
    private readonly string _bundle;

    public RunImportTests()
    {
        using (RunFolder folder = RunFolder.Create(_there.Path, _sample.Info))
        {
            foreach (CellResult cell in _sample.Cells) folder.Append(cell);
            File.WriteAllText(folder.LogPath(_sample.Cells[0].Cell.Id), "loaded\n");
            _folder = folder.Path;
        }

        _bundle = _there["run.zip"];
        using FileStream stream = File.Create(_bundle);
        RunBundle.Write(_folder, stream);
    }

    public void Dispose()
    {
        _there.Dispose();
        _here.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void From_BringsTheRun_AndAgainChangesNothing(bool bundle)
    {
        string source = bundle ? _bundle : _folder;

        ImportResult first = RunImport.From(source, _here.Path);
        ImportResult second = RunImport.From(source, _here.Path);

        Assert.False(first.AlreadyThere);
        Assert.True(second.AlreadyThere);
        foreach (string file in (string[])["run.json", "cells.jsonl", $"logs/{_sample.Cells[0].Cell.Id}.log"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, file)), File.ReadAllBytes(Path.Combine(first.Path, file)));
        Assert.Equal([first.Path], Directory.GetFileSystemEntries(_here.Path));
    }

    [Fact]
    public void From_Throws_WhenAnotherContentHasTheId()
    {
        RunImport.From(_bundle, _here.Path);
        File.AppendAllText(Path.Combine(_here[_sample.Info.Id], "logs", "x.log"), "more");

        StoreException e = Assert.Throws<StoreException>(() => RunImport.From(_bundle, _here.Path));

        Assert.Contains("another content", e.Message, StringComparison.Ordinal);
        Assert.Contains("logs/x.log", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil.txt")]
    [InlineData("/tmp/evil.txt")]
    [InlineData("logs/../../evil.txt")]
    [InlineData("logs/..")]
    [InlineData("logs\\..\\evil.txt")]
    [InlineData("logs/a/b.log")]
    [InlineData("report.html")] // not content
    public void From_Throws_WhenAnEntryHasAnotherName(string name)
    {
        // The manifest vouches for it: the name alone must be enough to refuse.
        string zip = Zip((name, "x"u8.ToArray()));

        StoreException e = Assert.Throws<StoreException>(() => RunImport.From(zip, _here.Path));

        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        AssertNothingTaken();
    }

    [Theory]
    [InlineData("results.db-journal")]
    [InlineData("lab.db-wal")]
    [InlineData("lab.db.scheduler")]
    [InlineData("latest")]
    [InlineData("views")]
    [InlineData("..")]
    [InlineData("-a")]
    [InlineData("a-\u00e9")]
    [InlineData("a/b-c")]
    [InlineData("a-b\n")]
    [InlineData("Latest")]
    [InlineData("con")]
    [InlineData("results")]
    [InlineData("2026")]
    [InlineData("20261122-221000")] // the beginning of others
    [InlineData("20261122-221000-reference")]
    [InlineData("run-1")]
    [InlineData("aux-20261122-221000-reference-9f3a")]
    public void From_Throws_WhenTheIdMayMeetAnotherFile(string id) => AssertRefused("run.json", "\"id\": \"" + _sample.Info.Id + "\"",
        "\"id\": " + System.Text.Json.JsonSerializer.Serialize(id), id);

    [Theory]
    [InlineData("run.json", "\"fingerprint\": {", "\"fingerprint\": null, \"x\": {")]
    [InlineData("run.json", "\"tags\": [", "\"tags\": [null,")]
    [InlineData("run.json", "\"engines\": {", "\"engines\": null, \"x\": {")]
    [InlineData("run.json", "\"sotu\": ", "\"other\": null, \"sotu\": ")]
    [InlineData("run.json", "\"started\": \"2026", "\"started\": \"9999")]
    [InlineData("run.json", "\"finished\": \"2026", "\"finished\": \"2025")]
    [InlineData("run.json", "\"suite\": \"reference\"", "\"suite\": \"\\u001b[31mred\"")]
    [InlineData("run.json", "\"cell_count\": 41", "\"cell_count\": -1")]
    [InlineData("run.json", "\"memory_bytes\": ", "\"memory_bytes\": -")]
    [InlineData("cells.jsonl", "\"seconds\":2.5", "\"seconds\":1e308")]
    [InlineData("cells.jsonl", "\"seconds\":2.5", "\"seconds\":-1")]
    [InlineData("cells.jsonl", "\"seconds\":2.5", "\"seconds\":\"NaN\"")]
    [InlineData("cells.jsonl", "\"started\":\"2026", "\"started\":\"9999")]
    [InlineData("cells.jsonl", "\"value\":38.0192", "\"value\":1e308")]
    [InlineData("cells.jsonl", "\"value\":38.0192", "\"value\":\"Infinity\"")]
    [InlineData("cells.jsonl", "\"samples\":[", "\"samples\":[1e308,")]
    [InlineData("cells.jsonl", "\"metrics\":[{", "\"metrics\":[null,{")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"ci95\":[-1e308,1e308]")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"ci95\":[2,1]")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"ci95\":[1]")]
    [InlineData("cells.jsonl", "\"provenance\":{", "\"provenance\":null,\"x\":{")]
    [InlineData("cells.jsonl", "\"model\":\"reference\"", "\"model\":null")]
    [InlineData("cells.jsonl", "\"settings\":{", "\"settings\":null,\"x\":{")]
    [InlineData("cells.jsonl", "\"n_ctx\":512", "\"n_ctx\":\"ok\"")]
    [InlineData("cells.jsonl", "\"n_ctx\":512", "\"target_ci\":1e400")]
    [InlineData("cells.jsonl", "\"n_ctx\":512", "\"reference_backend\":\"a/b/c\"")]
    [InlineData("run.json", "\"status\": \"completed\"", "\"status\": -1")]
    [InlineData("cells.jsonl", "\"status\":\"ok\"", "\"status\":77")]
    [InlineData("cells.jsonl", "\"direction\":\"lower\"", "\"direction\":77")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"timing\":{\"launch_samples\":null}")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"timing\":{\"launch_values\":null}")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"timing\":{\"mark\":77}")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"timing\":{\"launch_values\":[1e308],\"launch_samples\":[64]}")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"timing\":{\"launch_values\":[1],\"launch_samples\":[-64]}")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"timing\":{\"disturbed_samples\":[2147483647]}")]
    [InlineData("run.json", "\"suite\": \"reference\"", "\"suite\": \"a\\u202Eb\"")]
    [InlineData("cells.jsonl", "\"value\":38.0192", "\"value\":-38.0192")]
    [InlineData("cells.jsonl", "\"name\":\"perplexity\",\"unit\":\"1\"", "\"name\":\"perplexity\",\"unit\":\"nat\"")]
    [InlineData("cells.jsonl", "\"name\":\"artifact_size\",\"unit\":\"B\",\"direction\":\"lower\",\"value\":",
        "\"name\":\"artifact_size\",\"unit\":\"B\",\"direction\":\"lower\",\"value\":-")]
    [InlineData("cells.jsonl", "\"status\":\"ok\"", "\"status\":\"unsupported\"")]
    [InlineData("cells.jsonl", "\"error\":0.84405", "\"min\":2,\"max\":1")]
    public void From_Throws_WhenARecordIsPoisoned(string file, string good, string bad) =>
        AssertRefused(file, good, bad, _sample.Info.Id);

    [Theory]
    [InlineData("run.json", "\"started\": \"2026-11", "\"started\": \"2199-11")]
    [InlineData("run.json", "\"finished\": \"2026-11", "\"finished\": \"2199-11")]
    [InlineData("cells.jsonl", "\"started\":\"2026-11", "\"started\":\"2199-11")]
    public void From_Throws_WhenARunIsAheadOfTheClock(string file, string good, string bad)
    {
        if (bad.Contains("\"started\": ", StringComparison.Ordinal))
            Replace(_folder, "run.json", "\"finished\": \"2026-11", "\"finished\": \"2199-11");
        StoreException e = AssertRefused(file, good, bad, _sample.Info.Id);

        Assert.Contains("more than a day ahead of the clock here", e.Message, StringComparison.Ordinal);
        Assert.Contains("2199-11-22", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_TakesARun_OfAClockThatIsAheadByHours()
    {
        DateTimeOffset end = _sample.Cells.Max(c => c.Started);
        RunImport.From(_bundle, _here.Path, new ImportLimits { Latest = (_sample.Info.Finished ?? end).AddSeconds(1) });

        Assert.Throws<StoreException>(() => RunImport.From(_bundle, _there["elsewhere"],
            new ImportLimits { Latest = _sample.Info.Started.AddSeconds(-1) }));
    }

    [Fact]
    public void From_TakesWhatOthersMeasured_WhenTheClockHereStandsInThePast()
    {
        RunImport.From(_bundle, _here.Path, new ImportLimits { Latest = ImportLimits.LatestBy(DateTimeOffset.UnixEpoch) });

        var later = new DateTimeOffset(2031, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(later.AddDays(1), ImportLimits.LatestBy(later));
    }

    [Fact]
    public void From_NamesWhatWasGiven_NotItsOwnCopy()
    {
        StoreException e = AssertRefused("cells.jsonl", "{\"schema\"", "\"schema\"", _sample.Info.Id);

        Assert.DoesNotContain(".import-", e.Message, StringComparison.Ordinal);
        Assert.StartsWith(_folder, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_MarksTheRun_AsTakenInFromElsewhere()
    {
        ImportResult taken = RunImport.From(_bundle, _here.Path);

        Assert.True(RunFolder.IsImported(taken.Path));
        Assert.False(RunFolder.IsImported(_folder));
    }

    [Fact]
    public void From_Throws_WhenAFileWasChanged()
    {
        using (ZipArchive zip = ZipFile.Open(_bundle, ZipArchiveMode.Update))
        {
            zip.GetEntry("cells.jsonl")!.Delete();
            using StreamWriter entry = new(zip.CreateEntry("cells.jsonl").Open());
            entry.Write("");
        }

        StoreException e = Assert.Throws<StoreException>(() => RunImport.From(_bundle, _here.Path));

        Assert.Contains("hash", e.Message, StringComparison.Ordinal);
        AssertNothingTaken();
    }

    [Fact]
    public void From_Throws_WhenAListedFileIsMissing()
    {
        using (ZipArchive zip = ZipFile.Open(_bundle, ZipArchiveMode.Update)) zip.GetEntry("cells.jsonl")!.Delete();

        Assert.Throws<StoreException>(() => RunImport.From(_bundle, _here.Path));
        AssertNothingTaken();
    }

    [Fact]
    public void From_Throws_WhenThereIsTooMuch()
    {
        Assert.Throws<StoreException>(() => RunImport.From(_bundle, _here.Path, new ImportLimits { FileBytes = 1000 }));
        Assert.Throws<StoreException>(() => RunImport.From(_bundle, _here.Path, new ImportLimits { TotalBytes = 4000 }));
        Assert.Throws<StoreException>(() => RunImport.From(_bundle, _here.Path, new ImportLimits { Files = 2 }));
        Assert.Throws<StoreException>(() => RunImport.From(_folder, _here.Path, new ImportLimits { FileBytes = 1000 }));
        AssertNothingTaken();
    }

    [Fact]
    public void From_RaisesOnlyStoreErrors_WhenTheBundleIsCutOrChanged()
    {
        byte[] bytes = File.ReadAllBytes(_bundle);
        var random = new Random(5);
        string broken = _there["broken.zip"];
        for (int i = 0; i < 150; i++)
        {
            byte[] copy = i % 2 == 0 ? bytes[..random.Next(bytes.Length)] : [.. bytes];
            if (i % 2 == 1) copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(broken, copy);

            Exception? e = Record.Exception(() => RunImport.From(broken, _here.Path));

            Assert.True(e is null or StoreException, $"case {i}: {e}");
        }
    }

    [Fact]
    public void Write_GivesTheSameBytes_ForTheSameFolder()
    {
        using var again = new MemoryStream();
        RunBundle.Write(_folder, again);

        Assert.Equal(SHA256.HashData(File.ReadAllBytes(_bundle)), SHA256.HashData(again.ToArray()));
    }

    // As a bundle and as a folder: both are doors.
    private StoreException AssertRefused(string file, string good, string bad, string id)
    {
        Replace(_folder, file, good, bad);
        BundleManifest manifest = BundleManifest.OfFolder(_folder, id);
        string zip = _there["poisoned.zip"];
        using (ZipArchive archive = ZipFile.Open(zip, ZipArchiveMode.Create))
        {
            Write("manifest.json", System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(manifest, Core.Json.Line));
            foreach (string name in manifest.Files.Keys) Write(name, File.ReadAllBytes(Path.Combine(_folder, name)));
            void Write(string name, byte[] content)
            {
                using Stream entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        StoreException e = Assert.Throws<StoreException>(() => RunImport.From(zip, _here.Path));
        Assert.DoesNotContain(".import-", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<StoreException>(() => RunImport.From(_folder, _here.Path));
        AssertNothingTaken();
        return e;
    }

    private static void Replace(string folder, string file, string good, string bad)
    {
        string path = Path.Combine(folder, file);
        string text = File.ReadAllText(path);
        string changed = new System.Text.RegularExpressions.Regex(System.Text.RegularExpressions.Regex.Escape(good)).Replace(text,
            bad.Replace("$", "$$", StringComparison.Ordinal), 1);
        Assert.NotEqual(text, changed);
        File.WriteAllText(path, changed);
    }

    private void AssertNothingTaken()
    {
        Assert.Empty(Directory.GetFileSystemEntries(_here.Path));
        Assert.False(File.Exists(Path.Combine(Path.GetDirectoryName(_here.Path)!, "evil.txt")));
    }

    private string Zip(params (string Name, byte[] Content)[] extra)
    {
        (string Name, byte[] Content)[] files =
            [("run.json", File.ReadAllBytes(Path.Combine(_folder, "run.json"))),
                ("cells.jsonl", File.ReadAllBytes(Path.Combine(_folder, "cells.jsonl"))), .. extra];
        string path = _there["made.zip"];
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
        string list =
            string.Join(",",
                files.Select(f =>
                    $"\"{f.Name.Replace("\\", "\\\\", StringComparison.Ordinal)}\":"
                        + $"\"{Convert.ToHexStringLower(SHA256.HashData(f.Content))}\""));
        Write(zip, "manifest.json", Encoding.UTF8.GetBytes($"{{\"schema\":1,\"run\":\"{_sample.Info.Id}\",\"files\":{{{list}}}}}"));
        foreach ((string name, byte[] content) in files) Write(zip, name, content);
        return path;
    }

    private static void Write(ZipArchive zip, string name, byte[] content)
    {
        using Stream entry = zip.CreateEntry(name).Open();
        entry.Write(content);
    }
}
