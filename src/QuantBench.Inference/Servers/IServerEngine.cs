using QuantBench.Core.Cells;
using QuantBench.Core.Errors;

namespace QuantBench.Inference.Servers;

/// <summary>Ability of an engine: its devices are servers, spoken to over HTTP.</summary>
public interface IServerEngine
{
    /// <summary>Whether a device names a protocol that is known; nothing is asked of the server.</summary>
    /// <param name="device">A device id, <see cref="ServerAddress"/>.</param>
    Support CanReach(string device);

    /// <summary>Makes a client; nothing is sent yet.</summary>
    /// <param name="device">A device id that <see cref="CanReach"/> says yes to.</param>
    /// <param name="options">Its limits.</param>
    /// <exception cref="UnsupportedException">The protocol isn't known.</exception>
    IServerClient Connect(string device, ServerOptions options);
}
