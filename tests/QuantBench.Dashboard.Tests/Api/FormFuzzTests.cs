using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Tests.Api;

/// <summary>
/// Every field of every form and every body of the API, filled at random by every role, always the same ones: an answer that isn't a 500,
/// a refused one has written nothing, no answer says where things lie on the server, and the server is still there.
/// <c>QB_FUZZ</c> says how many requests.
/// </summary>
public sealed partial class FormFuzzTests(DashboardFixture dashboard) : IClassFixture<DashboardFixture>
{
    private const int Seed = 20261130;

    // Work of the queue and marks of use go on beside the requests.
    private static readonly string[] s_moving = ["audit", "ended_logins", "sqlite_sequence"];

    private static readonly string[] s_odd =
    [
        "", " ", "abc", "-1", "0", "1", "99999999999999999999", "1e9", "NaN", "\0", "\u001b[31m", "\u00e9", "\u202e", "\r\nX: y", "../..",
        "/etc/passwd", "results.db-journal", "'; DROP TABLE accounts; --", "\"><script>alert(1)</script>", "H H * * *", "0 0 30 2 *",
        "* * * * *",
        "0 0 1 1 *", "@daily", "Mars/Olympus", "UTC", "last", "all", "true", "false", "Admin", "admin", "operator", "viewer", "7",
        "viewer2",
        "light", "decimal", "0.0.0.0", "::ffff:127.0.0.1", "30", "quick", "reference", "broken", "olive", "nightly", "perplexity",
        "correct horse battery", DashboardFixture.FirstRun, DashboardFixture.SecondRun, "/runs", "//elsewhere", "\ud800",
        "\U0001F600",
    ];

    [Fact]
    public async Task Forms_HaveAnAnswer_AndRefusedOnesWriteNothing()
    {
        await File.WriteAllTextAsync(Path.Combine(dashboard.Suites, "olive.yaml"), """
            suite: olive
            models: [{ id: m, source: ../datasets/reference-model, olive: auto-opt }]
            variants: [onnx:fp32]
            backends: [fake/cpu]
            workloads: [{ load: null }]
            """);
        int count = int.TryParse(Environment.GetEnvironmentVariable("QB_FUZZ"), CultureInfo.InvariantCulture, out int asked) ? asked : 250;
        var random = new Random(Seed);
        string[] values = [.. s_odd, new string('x', 3000)];
        RouteEndpoint[] forms = [.. dashboard.Host.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints)
            .OfType<RouteEndpoint>().Where(IsChange).OrderBy(Address, StringComparer.Ordinal)];
        Assert.True(forms.Length > 20, $"{forms.Length} forms");
        Assert.True(forms.Sum(f => Fields(f).Length) > 40);
        Role?[] roles = [null, Role.Viewer, Role.Operator, Role.Admin]; // agents have no browser
        var browsers = new Dictionary<int, (HttpClient Client, string Token)>();
        List<string> wrong = [];
        Dictionary<string, int> answers = [];

        for (int i = 0; i < count; i++)
        {
            int who = random.Next(roles.Length);
            RouteEndpoint form = forms[random.Next(forms.Length)];
            string address = Address(form).Replace("{id:long}",
                random.Next(3).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            bool api = address.StartsWith("/api/", StringComparison.Ordinal);
            if (!browsers.TryGetValue(who, out (HttpClient Client, string Token) browser))
                browsers[who] = browser = await BrowserAsync(roles[who]);
            (string Name, string Value)[] fields = [.. Fields(form).Where(_ => random.Next(8) > 0)
                .Select(f => (f, values[random.Next(values.Length)]))];
            using HttpClient? keyed = api && roles[who] is { } role ? dashboard.ClientWithKey(role) : null;
            string before = Written();

            using HttpResponseMessage answer = api ? await (keyed ?? browser.Client).PostAsync(address, Body(address, random, values))
                : await SendAsync(browser.Client, address, fields, browser.Token);

            string said = await answer.Content.ReadAsStringAsync();
            int status = (int)answer.StatusCode;
            string what = $"request {i}: {roles[who]?.ToString() ?? "anybody"} {address} "
                + $"{string.Join(" & ", fields.Select(f => $"{f.Name}='{(f.Value.Length > 60 ? f.Value[..60] : f.Value)}'"))}: {status}";
            answers[$"{status}"] = answers.GetValueOrDefault($"{status}") + 1;
            if (status >= 500 && status != 503) wrong.Add(what);
            if (status is >= 400 && Written() is var after && after != before) wrong.Add($"{what} has written:\n{before}\n{after}");
            if (roles[who] is not Role.Admin && said.Contains(Path.GetDirectoryName(dashboard.Results) ?? "", StringComparison.Ordinal))
                wrong.Add($"{what} names where things lie: {said}");
            if (address is "/actions/logout" or "/actions/login" or "/actions/setup" && browsers.Remove(who)) browser.Client.Dispose();
        }

        Assert.True(wrong.Count == 0, $"seed {Seed}:\n{string.Join('\n', wrong)}");
        Assert.True(answers.GetValueOrDefault("302") > 0 && answers.GetValueOrDefault("400") > 0, string.Join(", ", answers)); // both ways
        using HttpClient last = dashboard.Client();
        Assert.Equal(HttpStatusCode.OK, (await last.GetAsync("/api/v1/health")).StatusCode);
        foreach ((HttpClient client, _) in browsers.Values) client.Dispose();
    }

    private static bool IsChange(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("POST") == true && Address(endpoint) is var a
        && (a.StartsWith("/actions/", StringComparison.Ordinal) || a.StartsWith("/api/", StringComparison.Ordinal));

    private static string Address(RouteEndpoint endpoint) => "/" + (endpoint.RoutePattern.RawText ?? "").TrimStart('/');

    private static string[] Fields(RouteEndpoint endpoint) => [.. (endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters() ?? [])
        .Where(p => p.GetCustomAttribute<FromFormAttribute>() is not null).Select(p => p.Name ?? "")];

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string address, (string Name, string Value)[] fields,
        string token)
    {
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))
            .Append(KeyValuePair.Create("__RequestVerificationToken", token)));
        return await client.PostAsync(address, form);
    }

    private static ByteArrayContent Body(string address, Random random, string[] values)
    {
        string value = System.Text.Json.JsonSerializer.Serialize(values[random.Next(values.Length)]);
        string[] bodies = address.EndsWith("/runs", StringComparison.Ordinal) ? ["", "PK\u0003\u0004", value] :
        [
            "", "null", "[]", "{", value, $"{{\"suite\":{value}}}", $"{{\"suite\":\"quick\",\"only\":[{value}]}}", "{\"suite\":7}",
            $"{{\"suite\":\"olive\",\"only\":[{value}]}}", "{\"suite\":\"quick\",\"only\":[null]}", "{\"suite\":\"quick\",\"only\":null}",
        ];
        return new ByteArrayContent(Encoding.UTF8.GetBytes(bodies[random.Next(bodies.Length)]))
        {
            Headers = { ContentType = new(random.Next(8) == 0 ? "text/plain" : "application/json") },
        };
    }

    private async Task<(HttpClient Client, string Token)> BrowserAsync(Role? role)
    {
        HttpClient client = role is { } known ? await dashboard.ClientAsync(known) : dashboard.Client();
        string html = await client.GetStringAsync(role is null ? "/login" : "/settings");
        return (client, Token().Match(html).Groups["token"].Value);
    }

    // What a request can have written: rows of lab.db, but for those that come and go by themselves, and names beside it.
    private string Written()
    {
        using var connection = new SqliteConnection($"Data Source={dashboard.Lab.Path};Mode=ReadOnly;Pooling=False");
        connection.Open();
        var text = new StringBuilder();
        foreach (string table in Rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").Except(s_moving))
        {
            // The queue's states and the keys' last uses move on by themselves.
            string columns = table switch { "occurrences" => "id, key", "api_keys" => "id, name, revoked_ms", _ => "*" };
            text.Append(table).Append(": ").AppendJoin(" | ", Rows(connection, $"SELECT {columns} FROM {table}")).Append('\n');
        }

        return text.AppendJoin('\n', Directory.GetFileSystemEntries(dashboard.Results).Select(Path.GetFileName)
            .Where(n => n?.StartsWith("lab.db", StringComparison.Ordinal) == false && !n.StartsWith("results.db", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)).ToString();
    }

    private static List<string> Rows(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: names come from the schema.
        command.CommandText = sql;
#pragma warning restore CA2100
        using SqliteDataReader reader = command.ExecuteReader();
        List<string> rows = [];
        while (reader.Read())
            rows.Add(string.Join(',', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : reader.GetString(i))));
        return rows;
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"(?<token>[^\"]+)\"")]
    private static partial Regex Token();
}
