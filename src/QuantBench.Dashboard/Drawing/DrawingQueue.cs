using System.Collections.Concurrent;

namespace QuantBench.Dashboard.Drawing;

/// <summary>One thread that draws everything, in the order it was asked: the pen draws one thing at a time, and pages that wait for it
/// hold no thread meanwhile.</summary>
internal sealed class DrawingQueue : IDisposable
{
    private const int MostWaiting = 256;

    private readonly BlockingCollection<Action> _waiting = new(MostWaiting);
    private readonly Thread _thread;

    public DrawingQueue()
    {
        _thread = new Thread(Work) { IsBackground = true, Name = "drawing" };
        _thread.Start();
    }

    /// <summary>Draws.</summary>
    /// <param name="draw">Makes the figures.</param>
    /// <exception cref="BusyException">Too many drawings wait.</exception>
    public Task<T> DrawAsync<T>(Func<T> draw)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        ExecutionContext? asker = ExecutionContext.Capture(); // whose units the words are in
        void Draw()
        {
            try
            {
                done.TrySetResult(draw());
            }
            catch (Exception e)
            {
                done.TrySetException(e); // the asker's, who awaits it
            }
        }

        if (!_waiting.TryAdd(asker is null ? Draw : () => ExecutionContext.Run(asker, _ => Draw(), null)))
            throw new BusyException("too many figures wait to be drawn.", "Try again in a moment.");
        return done.Task;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _waiting.CompleteAdding();
        _thread.Join();
        _waiting.Dispose();
    }

    private void Work()
    {
        foreach (Action draw in _waiting.GetConsumingEnumerable()) draw();
    }
}
