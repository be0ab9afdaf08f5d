using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Fuzzing;

/// <summary>
/// 10,000 mutated runs (another number: QUANTBENCH_FUZZ_BUNDLES), always the same ones: each is refused with a reason, or it is stored,
/// listed, shown, aggregated and exported as any other. Whatever else happens is a fault.
/// </summary>
public sealed class BundleFuzzTests : IDisposable
{
    private const int Whole = 200; // of them taken through the zip as well
    private const int Shown = 20; // accepted runs between two looks at lists

    private static readonly int s_mutations = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_BUNDLES") ?? "10000", NumberStyles.None, CultureInfo.InvariantCulture);

    private readonly TemporaryFolder _root = new();
    private readonly ResultStore _store;

    public BundleFuzzTests() => _store = ResultStore.Open(_root.Path);

    public void Dispose()
    {
        _store.Dispose();
        _root.Dispose();
    }

    [Fact]
    public async Task Import_RefusesOrShows_WhateverARunHolds()
    {
        var random = new Random(11);
        int accepted = 0;
        for (int i = 0; i < s_mutations; i++)
        {
            string[] texts = MutatedRun.Make(random);
            try
            {
                if (i < Whole) TakeZip(texts, i);
                if (Read(texts) is not { } record) continue;
                accepted++;
                await ShowAsync(record, lists: accepted % Shown == 0);
            }
            catch (Exception e) when (e is not StoreException)
            {
                Assert.Fail($"mutation {i}: {e}\n{string.Join('\n', texts)}");
            }
        }

        Assert.InRange(accepted, s_mutations / 50, s_mutations * 9 / 10); // both ways are taken
        Assert.DoesNotContain(Directory.GetFileSystemEntries(_root.Path), e => Path.GetFileName(e).StartsWith('.'));
    }

    // As an import reads it; null when it is refused.
    private static RunRecord? Read(string[] texts)
    {
        try
        {
            RunInfo info = RunFolder.ParseInfo(Encoding.UTF8.GetBytes(texts[0]), "run.json");
            var cells = new Dictionary<CellId, CellResult>();
            if (RunCheck.Doubt(info) is not null) return null;
            for (int i = 1; i < texts.Length; i++)
            {
                CellResult cell = CellLines.Parse("cells.jsonl", i, Encoding.UTF8.GetBytes(texts[i]));
                if (RunCheck.Doubt(cell) is not null) return null;
                cells[cell.Cell.Id] = RunCheck.Readable(cell);
            }

            return new RunRecord(info, [.. cells.Values]);
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private async Task ShowAsync(RunRecord run, bool lists)
    {
        _store.IndexWhole(run.Info, Path.Combine(_root.Path, run.Info.Id), run.Cells);
        var stored = new StoredRuns(_store);
        var found = await stored.FindAsync(run.Info.Id, CancellationToken.None);
        Assert.Equal(run.Info.Suite, found?.Run.Info.Suite);
        using AggregateReader reader = _store.OpenReader();
        reader.Load(run.Info.Id);
        foreach (IRunExporter exporter in RunExporters.All)
        {
            using var output = new MemoryStream();
            await exporter.WriteAsync(run, output, CancellationToken.None);
        }

        if (!lists) return;
        foreach (string sort in (string[])["started", "suite", "host", "cells"])
            await stored.PageAsync(new RunFilter { Sort = sort, Search = "e", Tag = "sample" }, [], CancellationToken.None);
        await stored.FacetsAsync(CancellationToken.None);
        await stored.MachinesAsync(CancellationToken.None);
        await stored.ModelsAsync(CancellationToken.None);
        await stored.NewestPairAsync(null, 20, CancellationToken.None);
        Assert.NotEmpty(reader.Runs());
        reader.Series(new SeriesQuery("perplexity"));
        _store.ReadRecord(run.Info.Id);
        _store.RemoveRun(run.Info.Id);
    }

    // A whole bundle: what is refused leaves nothing, and nothing leaves the root.
    private void TakeZip(string[] texts, int number)
    {
        using var here = new TemporaryFolder();
        string folder = here["there"];
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "run.json"), texts[0]);
        File.WriteAllText(Path.Combine(folder, "cells.jsonl"), string.Join('\n', texts[1..]) + "\n");
        string id = ""; // a manifest of a run that can't be read names none
        try
        {
            id = RunFolder.ParseInfo(Encoding.UTF8.GetBytes(texts[0]), "run.json").Id;
        }
        catch (StoreException)
        {
            // Refused below as well.
        }

        string zip = here[$"{number}.zip"];
        using (ZipArchive archive = ZipFile.Open(zip, ZipArchiveMode.Create))
        {
            BundleManifest manifest = BundleManifest.OfFolder(folder, id);
            using (Stream entry = archive.CreateEntry(BundleManifest.FileName).Open()) JsonSerializer.Serialize(entry, manifest, Json.Line);
            foreach (string name in manifest.Files.Keys) archive.CreateEntryFromFile(Path.Combine(folder, name), name);
        }

        string results = here["results"];
        try
        {
            ImportResult taken = RunImport.From(zip, results);
            Assert.NotNull(Read(texts));
            Assert.Equal([taken.Path], Directory.GetFileSystemEntries(results));
        }
        catch (StoreException)
        {
            Assert.Empty(Directory.GetFileSystemEntries(results));
        }
    }
}
