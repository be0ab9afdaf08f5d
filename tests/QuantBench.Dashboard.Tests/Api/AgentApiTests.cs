using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Core;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>What an agent's key opens, hooks, and bundles that come in parts.</summary>
[Collection(DashboardCollection.Name)]
public sealed class AgentApiTests(DashboardFixture dashboard)
{
    [Fact]
    public async Task AgentOfAnotherVersion_IsToldWhatToDo()
    {
        using HttpClient client = dashboard.ClientWithKey(Role.Agent);
        await ActiveAsync();

        using HttpResponseMessage answer = await SendAsync(client, "hello", new AgentHello(99, "9.9", "i", []));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("speaks version 99 of the agents' messages", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Agent_ThatSaysHello_IsOnThePage_AndGetsNothingWhereNothingWaits()
    {
        using HttpClient client = dashboard.ClientWithKey(Role.Agent);
        await ActiveAsync();

        using HttpResponseMessage hello = await SendAsync(client, "hello", new AgentHello(AgentHello.Current, "1.0", "i", ["site=here"]));
        using HttpResponseMessage claim = await SendAsync(client, "claim", new AgentClaim("i", "q", 0));
        using HttpResponseMessage beat = await SendAsync(client, "beat", new AgentBeat("i", "nothing", 3, null));

        Assert.Equal("test", JsonSerializer.Deserialize<AgentWelcome>(await hello.Content.ReadAsStringAsync(), Json.Line)?.Machine);
        Assert.Equal(HttpStatusCode.NoContent, claim.StatusCode);
        Assert.True(JsonSerializer.Deserialize<BeatAnswer>(await beat.Content.ReadAsStringAsync(), Json.Line)?.Lost);
        using HttpClient reader = dashboard.Client();
        Assert.Contains("site=here", await reader.GetStringAsync("/agents"));
        using HttpResponseMessage bomb = await client.PostAsync("/api/v1/agent/hello", new StringContent("{\"protocol\":"));
        Assert.Equal(HttpStatusCode.BadRequest, bomb.StatusCode);
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("claim")]
    [InlineData("beat")]
    [InlineData("adopt")]
    [InlineData("jobs/x/results?epoch=1")]
    [InlineData("jobs/x/end")]
    public async Task Messages_ThatAreNone_AreRefusedInWords(string path)
    {
        using HttpClient client = dashboard.ClientWithKey(Role.Agent);
        await ActiveAsync();
        using (await SendAsync(client, "hello", new AgentHello(AgentHello.Current, "1.0", "i", [])))
        {
            foreach (string body in (string[])["", "null", "[]", "7", "{\"run\":\"{}\",\"cells\":[null]}", "{\"run\":\"{}\",\"cells\":[]}"])
            {
                using HttpResponseMessage answer = await client.PostAsync("/api/v1/agent/" + path, new StringContent(body));
                // Both of these ask for nothing that could be refused.
                bool empty = path is "beat" or "jobs/x/end" && body.StartsWith('{');
                Assert.True(empty ? answer.IsSuccessStatusCode : answer.StatusCode == HttpStatusCode.BadRequest,
                    $"{body}: {answer.StatusCode}");
            }
        }
    }

    [Fact]
    public async Task Hook_StartsASuite_OnlyWhenItsBodyIsSigned_AndOnce()
    {
        new LabSettings(dashboard.Lab, new AuditLog(dashboard.Lab, TimeProvider.System)).Keep(LabSettings.HookSecret, "s3cret");
        byte[] body = Encoding.UTF8.GetBytes("{\"after\":\"0f3a\"}");
        string signature = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes("s3cret"), body));

        Assert.Equal(HttpStatusCode.Unauthorized, await HookAsync("quick", body, null));
        Assert.Equal(HttpStatusCode.Unauthorized, await HookAsync("quick", [.. body, 1], signature));
        Assert.Equal(HttpStatusCode.BadRequest, await HookAsync("../quick", body, signature));
        Assert.Equal(HttpStatusCode.Created, await HookAsync("quick", body, signature));
        Assert.Equal(HttpStatusCode.OK, await HookAsync("quick", body, signature));

        var queue = new OccurrenceStore(dashboard.Lab, TimeProvider.System);
        Occurrence asked = Assert.Single(queue.Latest(most: 1000), o => o.Actor == "hook");
        Assert.DoesNotContain(new AuditLog(dashboard.Lab, TimeProvider.System).Read(most: 1000),
            e => $"{e}".Contains("s3cret", StringComparison.Ordinal));
        if (asked.State is OccurrenceState.Due or OccurrenceState.Running) queue.Cancel(asked.Id);
    }

    [Fact]
    public async Task Upload_InParts_GoesOnWhereItBroke_AndIsTakenInWhole()
    {
        using var there = new TemporaryDirectory();
        RunRecord sample = SampleRun.Make("20261122-231500-reference-77cc", seed: 12);
        using (RunFolder folder = RunFolder.Create(there.Path, sample.Info))
        {
            foreach (Core.Cells.CellResult cell in sample.Cells) folder.Append(cell);
        }

        using var bundle = new MemoryStream();
        RunBundle.Write(there.Combine(sample.Info.Id), bundle);
        byte[] bytes = bundle.ToArray();
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        using HttpClient client = dashboard.ClientWithKey(Role.Operator);
        int half = bytes.Length / 2;

        Assert.Equal(HttpStatusCode.OK, (await PutAsync(client, sha256, 0, bytes.Length, bytes[..half])).StatusCode);
        Assert.Contains($"{half}", await client.GetStringAsync($"/api/v1/uploads/{sha256}"));
        Assert.Equal(HttpStatusCode.Conflict, (await PutAsync(client, sha256, 0, bytes.Length, bytes[..half])).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await PutAsync(client, sha256, half, bytes.Length, bytes[half..])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(client, sha256, 0, bytes.Length, bytes)).StatusCode); // known

        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(client, new string('0', 64), 0, 3, [1, 2, 3])).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(client, "..%2f..%2fx", 0, 3, [1, 2, 3])).StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await PutAsync(client, sha256, 0, 1L << 40, [1])).StatusCode);
        dashboard.Host.Services.GetRequiredService<Results.Store.ResultStore>().Again().RemoveRun(sample.Info.Id);
        Directory.Delete(Path.Combine(dashboard.Results, sample.Info.Id), recursive: true);
    }

    private async Task ActiveAsync()
    {
        LabServer server = dashboard.Host.Services.GetRequiredService<LabServer>();
        for (int i = 0; !server.IsActive && i < 200; i++) await Task.Delay(50);
    }

    private static async Task<HttpResponseMessage> SendAsync<T>(HttpClient client, string path, T message) =>
        await client.PostAsync("/api/v1/agent/" + path,
            new StringContent(JsonSerializer.Serialize(message, Json.Line), Encoding.UTF8, "application/json"));

    private static async Task<HttpResponseMessage> PutAsync(HttpClient client, string sha256, long offset, long total, byte[] part) =>
        await client.PutAsync($"/api/v1/uploads/{sha256}?offset={offset}&total={total}", new ByteArrayContent(part));

    private async Task<HttpStatusCode> HookAsync(string suite, byte[] body, string? signature)
    {
        using HttpClient client = dashboard.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/hooks/{Uri.EscapeDataString(suite)}")
        {
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (signature is not null) request.Headers.Add("X-Hub-Signature-256", signature);
        using HttpResponseMessage answer = await client.SendAsync(request);
        return answer.StatusCode;
    }
}
