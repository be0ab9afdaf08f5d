using System.Runtime.InteropServices;

namespace QuantBench.Engines.Managed.Threads;

/// <summary>Work that all workers of a pool do together; they meet at the pool's barrier between its steps.</summary>
internal interface IParallelWork
{
    /// <summary>Does one worker's share. Called on every worker at once.</summary>
    /// <param name="worker">0 to the pool's size − 1; 0 is the calling thread.</param>
    void Execute(int worker);
}

/// <summary>
/// Threads that run one piece of work together. Idle workers spin for a while and then park; inside a piece of work they meet at a spinning
/// barrier, since a decode step crosses it a hundred times. Nothing is allocated after construction.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // 2,000 pauses are some 50 µs: longer than the gap between two decode steps of a driving loop, too short to be seen as load when idle.
    private const int SpinsBeforePark = 2_000;

    // A waiter that spins longer than this shares its core with the thread it waits for, so it gives the core away.
    private const int SpinsBeforeYield = 20_000;

    private readonly Thread[] _threads;
    private readonly ManualResetEvent _wake = new(false);
    private Shared _shared;
    private IParallelWork? _work;
    private volatile Exception? _failure;
    private volatile bool _disposed;

    /// <param name="size">Workers, the calling thread included; at least 1.</param>
    public WorkerPool(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Size = size;
        _threads = new Thread[size - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"managed-{worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Workers, the calling thread included.</summary>
    public int Size { get; }

    /// <summary>Runs the work on all workers and returns when all are done.</summary>
    public void Run(IParallelWork work)
    {
        _failure = null;
        if (Size == 1)
        {
            _shared.Next = 0;
            work.Execute(0);
            return;
        }

        _work = work;
        Volatile.Write(ref _shared.Next, 0);
        Volatile.Write(ref _shared.Arrived, 0);
        Volatile.Write(ref _shared.Running, Size - 1);
        Interlocked.Increment(ref _shared.Job);
        _wake.Set();
        try
        {
            work.Execute(0);
        }
        catch (Exception e) when (e is not WorkAbandonedException)
        {
            _failure ??= e;
        }
        catch (WorkAbandonedException)
        {
            // The worker that failed has left its exception.
        }

        int spins = 0;
        while (Volatile.Read(ref _shared.Running) != 0) Relax(ref spins);
        _wake.Reset();
        _work = null;
        if (_failure is { } failure) throw new InvalidOperationException("a worker failed", failure);
    }

    /// <summary>Waits until all workers have come here. The shared counter of <see cref="Take"/> starts again from 0.</summary>
    public void Barrier()
    {
        if (Size == 1)
        {
            _shared.Next = 0;
            return;
        }

        int phase = Volatile.Read(ref _shared.Phase);
        if (Interlocked.Increment(ref _shared.Arrived) == Size)
        {
            _shared.Arrived = 0;
            _shared.Next = 0;
            Volatile.Write(ref _shared.Phase, phase + 1);
            return;
        }

        int spins = 0;
        while (Volatile.Read(ref _shared.Phase) == phase)
        {
            if (_failure is not null) throw new WorkAbandonedException();
            Relax(ref spins);
        }
    }

    /// <summary>The next number that no worker has taken since the last barrier. Which worker takes it never changes a result.</summary>
    public int Take() => Size == 1 ? _shared.Next++ : Interlocked.Increment(ref _shared.Next) - 1;

    /// <summary>Ends the workers.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Interlocked.Increment(ref _shared.Job);
        _wake.Set();
        foreach (Thread thread in _threads) thread.Join();
        _wake.Dispose();
    }

    private static void Relax(ref int spins)
    {
        if (++spins < SpinsBeforeYield) Thread.SpinWait(1);
        else Thread.Yield();
    }

    private void Loop(int worker)
    {
        int seen = 0;
        while (true)
        {
            int spins = 0;
            while (Volatile.Read(ref _shared.Job) == seen)
            {
                if (++spins < SpinsBeforePark) Thread.SpinWait(1);
                else _wake.WaitOne();
            }

            seen = Volatile.Read(ref _shared.Job);
            if (_disposed) return;
            try
            {
                _work?.Execute(worker);
            }
            catch (Exception e)
            {
                if (e is not WorkAbandonedException) _failure ??= e;
            }

            Interlocked.Decrement(ref _shared.Running);
        }
    }

    // Each counter on a cache line of its own: waiters read one while others write the next.
    [StructLayout(LayoutKind.Explicit, Size = 448)]
    private struct Shared
    {
        [FieldOffset(64)]
        public int Job;

        [FieldOffset(128)]
        public int Running;

        [FieldOffset(192)]
        public int Arrived;

        [FieldOffset(256)]
        public int Phase;

        [FieldOffset(320)]
        public int Next;
    }
}
