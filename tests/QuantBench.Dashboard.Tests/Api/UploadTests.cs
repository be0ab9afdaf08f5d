using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using QuantBench.Core.Cells;
using QuantBench.Lab.Accounts;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Api;

[Collection(DashboardCollection.Name)]
public sealed class UploadTests(DashboardFixture dashboard)
{
    private const string Run = "20261123-010000-reference-0b1d";

    [Fact]
    public async Task Upload_TakesARunOnce_AndShowsIt()
    {
        using HttpClient client = dashboard.ClientWithKey(Role.Operator);
        byte[] bundle = Bundle(Run);

        using HttpResponseMessage first = await client.PostAsync("/api/v1/runs", new ByteArrayContent(bundle));
        using HttpResponseMessage again = await client.PostAsync("/api/v1/runs", new ByteArrayContent(bundle));

        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        JsonElement run = await client.GetFromJsonAsync<JsonElement>($"/api/v1/runs/{Run}");
        Assert.Equal(SampleRun.Make().Cells.Length, run.GetProperty("counts").GetProperty("finished").GetInt32());
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"/runs/{Run}")).StatusCode);
    }

    [Theory]
    [InlineData("not a zip", HttpStatusCode.BadRequest)]
    [InlineData("no manifest", HttpStatusCode.BadRequest)]
    [InlineData("a name that climbs out", HttpStatusCode.BadRequest)]
    [InlineData("an absolute name", HttpStatusCode.BadRequest)]
    [InlineData("a changed byte", HttpStatusCode.BadRequest)]
    [InlineData("a file that isn't listed", HttpStatusCode.BadRequest)]
    [InlineData("a bomb", HttpStatusCode.BadRequest)]
    [InlineData("too large", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("too large, length not told", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("another content under a known id", HttpStatusCode.BadRequest)]
    public async Task Upload_IsRefused_AndLeavesNothing(string kind, HttpStatusCode expected)
    {
        using HttpClient client = dashboard.ClientWithKey(Role.Operator);
        string[] before = Entries();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/runs") { Content = new ByteArrayContent(Bad(kind)) };
        request.Headers.ExpectContinue = true; // a refusal by length comes before the body is sent
        if (kind.EndsWith("not told", StringComparison.Ordinal)) request.Headers.TransferEncodingChunked = true;

        using HttpResponseMessage answer = await client.SendAsync(request);

        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal(before, Entries());
        Assert.False(File.Exists(Path.Combine(dashboard.Results, "..", "escaped.txt")));
        Assert.DoesNotContain(dashboard.Results, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Upload_IsAnsweredByTheStoresState_AndARetryHeals()
    {
        const string id = "20261123-030000-reference-0b1e";
        using HttpClient client = dashboard.ClientWithKey(Role.Operator);
        byte[] bundle = Bundle(id);
        await Execute("CREATE TRIGGER away BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'the store is away'); END");
        try
        {
            using HttpResponseMessage away = await client.PostAsync("/api/v1/runs", new ByteArrayContent(bundle));

            Assert.Equal(HttpStatusCode.ServiceUnavailable, away.StatusCode);
            Assert.False(Directory.Exists(Path.Combine(dashboard.Results, id)));
        }
        finally
        {
            await Execute("DROP TRIGGER away");
        }

        using HttpResponseMessage retry = await client.PostAsync("/api/v1/runs", new ByteArrayContent(bundle));
        Assert.Equal(HttpStatusCode.Created, retry.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"/api/v1/runs/{id}")).StatusCode);

        // As a crash between folder and rows leaves it.
        await Execute($"DELETE FROM runs WHERE id = '{id}'");
        using HttpResponseMessage again = await client.PostAsync("/api/v1/runs", new ByteArrayContent(bundle));
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"/api/v1/runs/{id}")).StatusCode);
    }

    [Theory]
    [InlineData("api", Role.Operator, false)]
    [InlineData("api", Role.Admin, true)]
    [InlineData("/actions/suites/run", Role.Operator, false)]
    [InlineData("/actions/suites/run", Role.Admin, true)]
    [InlineData("/actions/schedules/add", Role.Operator, false)]
    [InlineData("/actions/schedules/add", Role.Admin, true)]
    public async Task Queue_TakesASuiteThatStartsCommands_FromAdminsOnly(string door, Role role, bool taken)
    {
        string name = $"olive-{role.ToString().ToLowerInvariant()}-{door.Length}";
        string file = Path.Combine(dashboard.Suites, name + ".yaml");
        await File.WriteAllTextAsync(file, $$"""
            suite: {{name}}
            models: [{ id: m, source: ../datasets/reference-model, olive: auto-opt }]
            variants: [onnx:fp32]
            backends: [fake/cpu]
            workloads: [{ load: null }]
            """);
        try
        {
            using HttpClient client = door == "api" ? dashboard.ClientWithKey(role) : await dashboard.ClientAsync(role);
            using HttpResponseMessage answer = door == "api"
                ? await client.PostAsJsonAsync("/api/v1/queue", new { suite = name })
                : await DashboardFixture.PostAsync(client, "/suites", door, ("suite", name), ("name", name), ("cron", "0 0 1 1 *"));

            string said = await answer.Content.ReadAsStringAsync();
            if (taken) Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.Redirect, said);
            else Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
            Assert.Equal(!taken, said.Contains("admin's approval", StringComparison.Ordinal)
                || said.Contains("admin\\u0027s approval", StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("name", "Not A Name")]
    [InlineData("cron", "61 * * * *")]
    [InlineData("zone", "Nowhere/Atall")]
    [InlineData("catchUp", "77")]
    public async Task Schedule_ThatIsRefused_ApprovesNothing(string field, string value)
    {
        string name = $"refused-{field.ToLowerInvariant()}";
        string file = Path.Combine(dashboard.Suites, name + ".yaml");
        await File.WriteAllTextAsync(file, $$"""
            suite: {{name}}
            models: [{ id: m, source: ../datasets/reference-model, olive: auto-opt }]
            variants: [onnx:fp32]
            backends: [fake/cpu]
            workloads: [{ load: null }]
            """);
        try
        {
            using HttpClient admin = await dashboard.ClientAsync(Role.Admin);
            var fields = new Dictionary<string, string> { ["suite"] = name, ["name"] = name, ["cron"] = "0 0 1 1 *" };
            fields[field] = value;
            using HttpResponseMessage refused = await DashboardFixture.PostAsync(admin, "/suites", "/actions/schedules/add",
                [.. fields.Select(f => (f.Key, f.Value))]);

            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            using HttpClient operators = dashboard.ClientWithKey(Role.Operator);
            using HttpResponseMessage answer = await operators.PostAsJsonAsync("/api/v1/queue", new { suite = name });
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private async Task Execute(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(dashboard.Results, "results.db")};Pooling=False");
        await connection.OpenAsync();
        await using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: constants of this class.
        command.CommandText = "PRAGMA foreign_keys = ON; " + sql;
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync();
    }

    private static byte[] Bad(string kind)
    {
        const string other = "20261123-020000-reference-0bad";
        byte[] good = Bundle(other);
        return kind switch
        {
            "not a zip" => Encoding.UTF8.GetBytes("PK but not really"),
            "no manifest" => Zip(("run.json", "{}")),
            "a name that climbs out" => Rewrite(good, add: ("../escaped.txt", "out")),
            "an absolute name" => Rewrite(good, add: ("/tmp/escaped.txt", "out")),
            "a changed byte" => Rewrite(good, change: "cells.jsonl"),
            "a file that isn't listed" => Rewrite(good, add: ("logs/0000000000000000.log", "x")),
            "a bomb" => Bomb(other),
            "too large" or "too large, length not told" => RandomNumberGenerator.GetBytes(5 << 20),
            _ => Bundle(DashboardFixture.FirstRun, speed: 0.5),
        };
    }

    private static byte[] Bundle(string id, double speed = 1)
    {
        using var directory = new TemporaryDirectory();
        RunRecord record = SampleRun.Make(id, speed);
        using (RunFolder folder = RunFolder.Create(directory.Path, record.Info))
        {
            foreach (CellResult cell in record.Cells) folder.Append(cell);
        }

        var bundle = new MemoryStream();
        RunBundle.Write(directory.Combine(id), bundle);
        return bundle.ToArray();
    }

    // 900 MB of zeros in under a megabyte, listed and hashed as the manifest wants it.
    private static byte[] Bomb(string id)
    {
        byte[] zeros = new byte[900 << 20];
        string hash = Convert.ToHexStringLower(SHA256.HashData(zeros));
        var output = new MemoryStream();
        using (var zip = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            Write(zip, "manifest.json", $$$"""{"schema":1,"run":"{{{id}}}","files":{"cells.jsonl":"{{{hash}}}"}}""");
            using Stream entry = zip.CreateEntry("cells.jsonl", CompressionLevel.SmallestSize).Open();
            entry.Write(zeros);
        }

        return output.ToArray();
    }

    private static byte[] Rewrite(byte[] bundle, (string Name, string Text)? add = null, string? change = null)
    {
        var output = new MemoryStream();
        using (var from = new ZipArchive(new MemoryStream(bundle)))
        using (var to = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (ZipArchiveEntry entry in from.Entries)
            {
                using var reader = new StreamReader(entry.Open());
                string text = reader.ReadToEnd();
                Write(to, entry.FullName,
                    entry.FullName == change ? text.Replace("\"seconds\":2.5", "\"seconds\":2.6", StringComparison.Ordinal) : text);
            }

            if (add is { } more) Write(to, more.Name, more.Text);
        }

        return output.ToArray();
    }

    private static byte[] Zip(params (string Name, string Text)[] files)
    {
        var output = new MemoryStream();
        using (var zip = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, string text) in files) Write(zip, name, text);
        }

        return output.ToArray();
    }

    private static void Write(ZipArchive zip, string name, string text)
    {
        using var writer = new StreamWriter(zip.CreateEntry(name).Open());
        writer.Write(text);
    }

    private string[] Entries() =>
        [.. Directory.EnumerateFileSystemEntries(dashboard.Results)
            .Where(p => !Path.GetFileName(p).Contains(".db", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}
