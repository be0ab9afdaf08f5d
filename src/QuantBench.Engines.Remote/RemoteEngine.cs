using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Engines.Remote.Clients;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote;

/// <summary>Servers that run models, one device each: <c>remote/openai@http://host:8080</c>.</summary>
public sealed class RemoteEngine : IEngine, IServerEngine
{
    /// <summary>Name in backend ids.</summary>
    public const string EngineName = "remote";

    /// <summary>This engine's line in the registry.</summary>
    public static EngineRegistration Registration { get; } = new(
        new EngineFacts(EngineName, "servers, spoken to over HTTP", "openai@http://localhost:8080") { IsRemote = true },
        _ => new RemoteEngine(), _ => []);

    /// <inheritdoc/>
    public string Name => EngineName;

    /// <inheritdoc/>
    public string Build { get; } = $"remote {typeof(RemoteEngine).Assembly.GetName().Version?.ToString(3)}";

    /// <inheritdoc/>
    /// <remarks>None: any address may be one, and none is asked for.</remarks>
    public ImmutableArray<EngineDevice> Devices() => [];

    /// <inheritdoc/>
    public Support CanReach(string device)
    {
        if (!ServerAddress.TryParse(device, out ServerAddress? address))
            return Support.No($"{EngineName}: '{device}' is no protocol@url, e.g. openai@http://localhost:8080");
        return ClientTable.Find(address.Protocol) is not null ? Support.Yes
            : Support.No($"{EngineName}: the protocol '{address.Protocol}' isn't known; {string.Join(", ", ClientTable.Protocols)} are");
    }

    /// <inheritdoc/>
    public IServerClient Connect(string device, ServerOptions options)
    {
        CanReach(device).OrThrow();
        // Both there: CanReach has read them.
        _ = ServerAddress.TryParse(device, out ServerAddress? address);
        ServerKey? key = ServerKey.Of(new Uri(address!.Url), Environment.GetEnvironmentVariable);
        return ClientTable.Find(address.Protocol)!(address, options, key);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Clients are their callers'.
    }
}
