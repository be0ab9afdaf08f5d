using QuantBench.Core.Errors;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>Fetches the model of a cell to its server, and takes it away again; nothing is measured.</summary>
public static class ServedModel
{
    /// <summary>Has the server pull the cell's model, unless it has it.</summary>
    /// <param name="context">The cell; its variant is the server's name of the model.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Whether it was pulled.</returns>
    /// <exception cref="UnsupportedException">The server's protocol can't.</exception>
    /// <exception cref="ServerException">It failed.</exception>
    public static bool Pull(EvaluationContext context, CancellationToken cancellationToken)
    {
        using IServerClient client = Connect(context);
        IModelKeeper keeper = Keeper(context, client);
        string model = context.Cell.Variant.Scheme.Name;
        if (ServerTask.Await(keeper.HasAsync(model, cancellationToken), cancellationToken)) return false;
        ServerTask.Await(keeper.PullAsync(model,
            (status, done, total) => context.Progress.Report(new EvaluationProgress("pull", done, total, status)), cancellationToken),
            cancellationToken);
        return true;
    }

    /// <summary>Has the server take the cell's model out of its memory.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="delete">Whether it leaves the disk, too.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="UnsupportedException">The server's protocol can't.</exception>
    /// <exception cref="ServerException">It failed.</exception>
    public static void Remove(EvaluationContext context, bool delete, CancellationToken cancellationToken)
    {
        using IServerClient client = Connect(context);
        IModelKeeper keeper = Keeper(context, client);
        string model = context.Cell.Variant.Scheme.Name;
        ServerTask.Await(keeper.UnloadAsync(model, cancellationToken), cancellationToken);
        if (delete) ServerTask.Await(keeper.DeleteAsync(model, cancellationToken), cancellationToken);
    }

    private static IServerClient Connect(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Engine is IServerEngine engine
            ? engine.Connect(context.ServerDevice ?? context.Cell.Backend.Device, new ServerOptions())
            : throw new UnsupportedException(null, $"{context.Engine.Name}: it is no server, which has models of its own");
    }

    private static IModelKeeper Keeper(EvaluationContext context, IServerClient client) => client as IModelKeeper
        ?? throw new UnsupportedException(null, $"{context.Cell.Backend}: its protocol neither pulls models nor unloads them",
            "Leave 'pull' and 'after' out of the suite, and let the server have the model.");
}
