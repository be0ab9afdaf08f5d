using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Folders;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly RunRecord _sample = SampleRun.Make();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void ReadCells_GivesBackEverything_AfterAppend()
    {
        using (RunFolder folder = RunFolder.Create(_root.Path, _sample.Info))
        {
            foreach (CellResult cell in _sample.Cells) folder.Append(cell);
        }

        using RunFolder read = RunFolder.OpenReadOnly(_root[_sample.Info.Id]);

        Assert.Equal(JsonSerializer.Serialize(_sample.Info, Json.Line), JsonSerializer.Serialize(read.Info, Json.Line));
        Assert.Equal(_sample.Cells.Select(Text), read.ReadCells().Select(Text));
    }

    [Fact]
    public void ReadCells_TakesTheLastLine_WhenACellIsThereTwice()
    {
        CellResult first = _sample.Cells[0];
        CellResult other = _sample.Cells[1];
        using RunFolder folder = RunFolder.Create(_root.Path, _sample.Info);
        folder.Append(first with { Status = CellStatus.Cancelled });
        folder.Append(other);
        folder.Append(first);

        IReadOnlyList<CellResult> cells = folder.ReadCells();

        Assert.Equal([Text(first), Text(other)], cells.Select(Text));
    }

    [Fact]
    public void Open_HealsTheLastLine_AtEveryTruncation()
    {
        using (RunFolder folder = RunFolder.Create(_root.Path, _sample.Info))
        {
            folder.Append(Small(0));
            folder.Append(Small(1));
        }

        string cells = _root[$"{_sample.Info.Id}/cells.jsonl"];
        byte[] whole = File.ReadAllBytes(cells);
        int first = Array.IndexOf(whole, (byte)'\n') + 1;
        for (int length = first; length < whole.Length; length++)
        {
            File.WriteAllBytes(cells, whole[..length]);
            File.Delete(_root[$"{_sample.Info.Id}/cells.jsonl.torn"]);

            using (RunFolder reader = RunFolder.OpenReadOnly(_root[_sample.Info.Id])) Assert.Single(reader.ReadCells());
            using (RunFolder healed = RunFolder.Open(_root[_sample.Info.Id]))
            {
                Assert.Equal(length - first, healed.HealedBytes);
                Assert.Single(healed.ReadCells());
                healed.Append(Small(1));
                Assert.Equal(2, healed.ReadCells().Count);
            }

            Assert.Equal(whole, File.ReadAllBytes(cells));
            string torn = _root[$"{_sample.Info.Id}/cells.jsonl.torn"];
            if (length == first) Assert.False(File.Exists(torn));
            else Assert.Equal(whole[first..length].Append((byte)'\n'), File.ReadAllBytes(torn));
        }
    }

    [Fact]
    public void Open_Throws_WhenAnotherRunnerWrites()
    {
        using RunFolder owner = RunFolder.Create(_root.Path, _sample.Info);

        StoreException e = Assert.Throws<StoreException>(() => RunFolder.Open(owner.Path));

        Assert.Contains($"process {Environment.ProcessId}", e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public void Open_TakesOver_WhenTheLockIsADeadProcess()
    {
        RunFolder.Create(_root.Path, _sample.Info).Dispose();
        File.WriteAllText(_root[$"{_sample.Info.Id}/run.lock.pid"], "4194303"); // what a killed runner leaves

        using RunFolder folder = RunFolder.Open(_root[_sample.Info.Id]);

        Assert.True(folder.CanWrite);
    }

    [Fact]
    public void OpenReadOnly_WorksBesideARunner_AndCannotWrite()
    {
        using RunFolder owner = RunFolder.Create(_root.Path, _sample.Info);
        owner.Append(Small(0));

        using RunFolder reader = RunFolder.OpenReadOnly(owner.Path);

        Assert.Single(reader.ReadCells());
        Assert.Throws<InvalidOperationException>(() => reader.Append(Small(1)));
        Assert.Throws<InvalidOperationException>(() => reader.Update(reader.Info));
    }

    [Fact]
    public void Update_ReplacesRunJson_AndLeavesNoTemporaryFile()
    {
        using RunFolder folder = RunFolder.Create(_root.Path, _sample.Info with { Status = RunStatus.Running });

        folder.Update(folder.Info with { Status = RunStatus.Interrupted });

        using RunFolder read = RunFolder.OpenReadOnly(folder.Path);
        Assert.Equal(RunStatus.Interrupted, read.Info.Status);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.tmp"));
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a..b")]
    [InlineData("a.")] // Windows drops the dot
    [InlineData("C:x")]
    [InlineData("a\0b")]
    [InlineData("a\n")]
    [InlineData("")]
    public void Create_Throws_WhenTheIdIsNoFolderName(string id)
    {
        Assert.Throws<StoreException>(() => RunFolder.Create(_root.Path, _sample.Info with { Id = id }));
        Assert.Empty(Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void Create_Throws_WhenTheRunExists()
    {
        RunFolder.Create(_root.Path, _sample.Info).Dispose();

        Assert.Throws<StoreException>(() => RunFolder.Create(_root.Path, _sample.Info));
    }

    [Fact]
    public void ReadCells_NamesTheLine_WhenOneInTheMiddleIsBroken()
    {
        using RunFolder folder = RunFolder.Create(_root.Path, _sample.Info);
        folder.Append(Small(0));
        File.AppendAllText(_root[$"{_sample.Info.Id}/cells.jsonl"], "{\"cell\": 3}\n");

        StoreException e = Assert.Throws<StoreException>(folder.ReadCells);

        Assert.Contains("line 2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_LeavesWholeLines_WhenTheDiskIsFull()
    {
        using (RunFolder folder = RunFolder.Create(_root.Path, _sample.Info)) folder.Append(Small(0));
        string cells = _root[$"{_sample.Info.Id}/cells.jsonl"];
        byte[] before = File.ReadAllBytes(cells);
        StoreException e;
        using (CellLog log = CellLog.OpenForAppend(_root[_sample.Info.Id], WriteHalfThenFail))
            e = Assert.Throws<StoreException>(() => log.Append(Small(1)));

        Assert.Contains("full", e.Hint, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(cells));
        using RunFolder again = RunFolder.Open(_root[_sample.Info.Id]);
        again.Append(Small(1));
        Assert.Equal(2, again.ReadCells().Count);
    }

    [Fact]
    public void Lines_AreReadWhole_WhenLongerThanTheBuffer()
    {
        using RunFolder folder = RunFolder.Create(_root.Path, _sample.Info);
        CellResult large = Small(0) with { Reason = new string('x', 300_000) };
        folder.Append(large);
        folder.Append(Small(1));

        Assert.Equal([Text(large), Text(Small(1))], folder.ReadCells().Select(Text));
    }

    // As the kernel does: what fits is written, then ENOSPC.
    private static void WriteHalfThenFail(SafeFileHandle file, byte[] bytes, long at)
    {
        RandomAccess.Write(file, bytes.AsSpan(0, bytes.Length / 2), at);
        throw new IOException("No space left on device", 28);
    }

    private static string Text(CellResult result) => Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(result, Json.Line));

    private CellResult Small(int i) => _sample.Cells[i * 4] with { Metrics = [], Provenance = _sample.Cells[0].Provenance.Clear() };
}
