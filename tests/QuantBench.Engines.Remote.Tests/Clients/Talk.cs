using QuantBench.Core.Cells;
using QuantBench.Engines.Remote.Clients;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Tests.Clients;

/// <summary>What clients make of what servers send.</summary>
internal static class Talk
{
    /// <summary>A client of a protocol.</summary>
    public static IServerClient To(string protocol, string url, ServerKey? key = null) =>
        ClientTable.Find(protocol)!(new ServerAddress(protocol, url), new ServerOptions(), key);

    /// <summary>A key that the environment holds.</summary>
    public static ServerKey Key(string value) =>
        ServerKey.Of(new Uri("http://h:1"), name => name == "QUANTBENCH_KEY_H" ? value : null)!;

    /// <summary>Sends a request and writes its reply in one line.</summary>
    public static async Task<string> SayAsync(string protocol, string answer, string model = "m")
    {
        using var server = new WireServer((_, _) => answer);
        using IServerClient client = To(protocol, server.Url);
        return await SayAsync(client, model);
    }

    public static async Task<string> SayAsync(IServerClient client, string model = "m")
    {
        var words = new List<string>();
        try
        {
            await foreach (ReplyPart part in client.GenerateAsync(
                new ServerRequest { Model = model, Messages = [new ServerMessage("user", "hi")], MaxTokens = 8 }, CancellationToken.None))
            {
                words.Add(part.Kind switch
                {
                    ReplyKind.Token => part.Text,
                    ReplyKind.Reasoning => $"({part.Text})",
                    ReplyKind.Usage => $"u{part.Usage!.Prompt}/{part.Usage.Cached}/{part.Usage.Generated}/{part.Usage.Reasoning}",
                    ReplyKind.Timings =>
                        $"t{part.Timings!.LoadMs}/{part.Timings.PromptMs}/{part.Timings.GenerateMs}/{part.Timings.TotalMs}",
                    _ => $"end {part.Text}",
                });
            }
        }
        catch (ServerException e)
        {
            words.Add($"{e.Fault}: {e.Message}");
        }

        return string.Join(" ", words);
    }
}
