using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>The protocols. To add one: a client, and a line here.</summary>
internal static class ClientTable
{
    private static readonly ImmutableSortedDictionary<string, Func<ServerAddress, ServerOptions, ServerKey?, IServerClient>> s_all =
        ImmutableSortedDictionary<string, Func<ServerAddress, ServerOptions, ServerKey?, IServerClient>>.Empty
            .Add("openai", (address, options, key) => new OpenAiClient(address, options, key))
            .Add("ollama", (address, options, key) => new OllamaClient(address, options, key));

    /// <summary>Names of all of them.</summary>
    public static IEnumerable<string> Protocols => s_all.Keys;

    /// <summary>Makes clients of a protocol; null when it isn't known.</summary>
    /// <param name="protocol">Its name.</param>
    public static Func<ServerAddress, ServerOptions, ServerKey?, IServerClient>? Find(string protocol) => s_all.GetValueOrDefault(protocol);
}
