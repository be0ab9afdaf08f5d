#!/bin/sh
# OllamaSharp 5.5.2: Ollama reports a fault in the midst of a stream as a line {"error":"..."} under HTTP status 200. GenerateAsync yields
# that line as an item without text and then ends as a finished answer does: no exception, Done false. A stream that is cut off without a
# last line ends in the same way. A client that measures tokens must look for a last item with Done, or a crash of the model's runner counts as a
# short answer.
# Source: https://www.nuget.org/packages/OllamaSharp/5.5.2. Needs the .NET 10 SDK. Fails when the behaviour changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >finding.cs <<'CS'
#:package OllamaSharp@5.5.2
#:property PublishAot=false
using System.Net;
using System.Text;
using OllamaSharp;
using OllamaSharp.Models;

const string token = "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"response\":\"Hello\",\"done\":false}\n";
foreach ((string name, string body) in new[] { ("error line", token + "{\"error\":\"model runner has unexpectedly stopped\"}\n"), ("cut off", token) })
{
    using var listener = new HttpListener();
    int port = Random.Shared.Next(20000, 60000);
    listener.Prefixes.Add($"http://127.0.0.1:{port}/");
    listener.Start();
    Task server = Task.Run(async () =>
    {
        HttpListenerContext request = await listener.GetContextAsync();
        request.Response.ContentType = "application/x-ndjson";
        request.Response.OutputStream.Write(Encoding.UTF8.GetBytes(body));
        request.Response.Close();
    });
    using var client = new OllamaApiClient($"http://127.0.0.1:{port}/", "m");
    var items = new List<string>();
    try
    {
        await foreach (GenerateResponseStream? item in client.GenerateAsync(new GenerateRequest { Prompt = "hi" }))
        {
            items.Add($"[{item?.Response ?? "null"} {(item?.Done == true ? "done" : "not done")}]");
        }
        items.Add("ended without an exception");
    }
    catch (Exception e)
    {
        items.Add(e.GetType().Name);
    }
    await server;
    Console.WriteLine($"{name}: {string.Join(' ', items)}");
}
CS
seen=$(dotnet run finding.cs)
expected='error line: [Hello not done] [null not done] ended without an exception
cut off: [Hello not done] ended without an exception'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
