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
/// Threads that run one piece of work together. They meet at a barrier that a decode step crosses a hundred times, so who waits spins at
/// first, then offers its core to others, and at last parks until it is woken. A pool that is larger than the cores it may use parks at
/// once: a thread that spins there keeps the one it waits for from running. Nothing is allocated after construction.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // 2,000 pauses are some 50 µs: longer than the gap between two decode steps of a driving loop, too short to be seen as load when idle.
    private const int IdleSpins = 2_000;

    // A waiter that spins longer than this shares its core with the thread it waits for, so it gives the core away; and one whose core
    // nobody else wants for some milliseconds waits for something long.
    private const int Spins = 20_000;
    private const int Yields = 5_000;

    private readonly Thread[] _threads;
    private readonly object _parking = new();
    private readonly bool _parksAtOnce;
    private Shared _shared;
    private IParallelWork? _work;
    private volatile Exception? _failure;
    private volatile bool _disposed;

    /// <param name="size">Workers, the calling thread included; at least 1.</param>
    public WorkerPool(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Size = size;
        _parksAtOnce = size > Environment.ProcessorCount; // counts affinity and a container's quota
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
        int finished = Volatile.Read(ref _shared.Finished);
        Advance(ref _shared.Job);
        Execute(work, 0);
        Wait(ref _shared.Finished, finished, Spins, Yields, untilFailure: false);
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
        if (Interlocked.Increment(ref _shared.Arrived) != Size)
        {
            Wait(ref _shared.Phase, phase, Spins, Yields, untilFailure: true);
            return;
        }

        _shared.Arrived = 0;
        _shared.Next = 0;
        Advance(ref _shared.Phase);
    }

    /// <summary>The next number that no worker has taken since the last barrier. Which worker takes it never changes a result.</summary>
    public int Take() => Size == 1 ? _shared.Next++ : Interlocked.Increment(ref _shared.Next) - 1;

    /// <summary>Ends the workers.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Advance(ref _shared.Job);
        foreach (Thread thread in _threads) thread.Join();
    }

    private void Loop(int worker)
    {
        int seen = 0;
        while (true)
        {
            Wait(ref _shared.Job, seen, IdleSpins, 0, untilFailure: false);
            seen = Volatile.Read(ref _shared.Job);
            if (_disposed) return;
            if (_work is { } work) Execute(work, worker);
            if (Interlocked.Decrement(ref _shared.Running) == 0) Advance(ref _shared.Finished);
        }
    }

    private void Execute(IParallelWork work, int worker)
    {
        try
        {
            work.Execute(worker);
        }
        catch (WorkAbandonedException)
        {
            // The worker that failed has left its exception.
        }
        catch (Exception e)
        {
            _failure ??= e;
            Wake();
        }
    }

    /// <summary>Counts on, and wakes who waits for it.</summary>
    private void Advance(ref int counter)
    {
        // Its fence keeps the look at those who park behind it: who doesn't see the new number is seen to have parked.
        Interlocked.Increment(ref counter);
        if (Volatile.Read(ref _shared.Parked) != 0) Wake();
    }

    private void Wake()
    {
        lock (_parking) Monitor.PulseAll(_parking);
    }

    /// <summary>Waits until a counter isn't what it was.</summary>
    /// <exception cref="WorkAbandonedException">A worker failed first, and that was to end the waiting.</exception>
    private void Wait(ref int counter, int seen, int spins, int yields, bool untilFailure)
    {
        if (_parksAtOnce) spins = yields = 0;
        for (int i = 0; Volatile.Read(ref counter) == seen; i++)
        {
            if (untilFailure && _failure is not null) throw new WorkAbandonedException();
            if (i < spins) Thread.SpinWait(1);
            else if (i < spins + yields) Thread.Yield();
            else Park(ref counter, seen, untilFailure);
        }
    }

    private void Park(ref int counter, int seen, bool untilFailure)
    {
        lock (_parking)
        {
            Interlocked.Increment(ref _shared.Parked);
            while (Volatile.Read(ref counter) == seen && !(untilFailure && _failure is not null)) Monitor.Wait(_parking);
            Interlocked.Decrement(ref _shared.Parked);
        }
    }

    // Each counter on a cache line of its own: waiters read one while others write the next.
    [StructLayout(LayoutKind.Explicit, Size = 576)]
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

        [FieldOffset(384)]
        public int Finished;

        [FieldOffset(448)]
        public int Parked;
    }
}
