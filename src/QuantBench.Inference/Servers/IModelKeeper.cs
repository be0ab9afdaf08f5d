namespace QuantBench.Inference.Servers;

/// <summary>Ability of a client: fetches models to its server, and takes them away again.</summary>
public interface IModelKeeper
{
    /// <summary>Whether the server has a model.</summary>
    /// <param name="model">The server's name of it.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It gives no answer.</exception>
    Task<bool> HasAsync(string model, CancellationToken cancellationToken);

    /// <summary>Has the server fetch a model.</summary>
    /// <param name="model">The server's name of it.</param>
    /// <param name="progress">Receives what it does, the bytes that are there, and all of them; 0 = not known.</param>
    /// <param name="cancellationToken">Stops; the server keeps what it has for the next time.</param>
    /// <exception cref="ServerException">It can't.</exception>
    Task PullAsync(string model, Action<string, long, long> progress, CancellationToken cancellationToken);

    /// <summary>Has the server take a model out of its memory.</summary>
    /// <param name="model">The server's name of it.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It can't.</exception>
    Task UnloadAsync(string model, CancellationToken cancellationToken);

    /// <summary>Has the server delete a model.</summary>
    /// <param name="model">The server's name of it.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It can't.</exception>
    Task DeleteAsync(string model, CancellationToken cancellationToken);
}
