using System.Runtime.CompilerServices;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Tests.Traffic;

/// <summary>A client whose server is a script in this process.</summary>
internal sealed class ScriptedServer(Func<ServerRequest, CancellationToken, IAsyncEnumerable<ReplyPart>> script) : IServerClient
{
    private int _open;

    public int MostOpen { get; private set; }

    public List<ServerRequest> Requests { get; } = [];

    public Task<ServerIdentity> InspectAsync(string? model, CancellationToken cancellationToken) =>
        Task.FromResult(new ServerIdentity("script", model ?? "m"));

    public async IAsyncEnumerable<ReplyPart> GenerateAsync(
        ServerRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        lock (Requests)
        {
            Requests.Add(request);
            MostOpen = Math.Max(MostOpen, ++_open);
        }

        try
        {
            await foreach (ReplyPart part in script(request, cancellationToken)) yield return part;
        }
        finally
        {
            lock (Requests) _open--;
        }
    }

    public static async IAsyncEnumerable<ReplyPart> Answer(
        ServerRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (int i = 0; i < request.MaxTokens; i++)
        {
            await Task.Delay(2, cancellationToken);
            yield return new ReplyPart(ReplyKind.Token, $" w{i}", 1);
        }

        yield return new ReplyPart(ReplyKind.Usage, "", 0, new ServerUsage(8, 0, request.MaxTokens, null));
        yield return new ReplyPart(ReplyKind.End, "length", 0);
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
