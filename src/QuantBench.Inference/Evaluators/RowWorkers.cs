using System.Runtime.ExceptionServices;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>Handles one row of logits.</summary>
/// <param name="worker">Number of the thread, 0 to threads − 1, for buffers of its own.</param>
/// <param name="row">Row of the last append.</param>
/// <param name="logits">[vocabulary].</param>
internal delegate void RowAction(int worker, int row, ReadOnlySpan<float> logits);

/// <summary>
/// Threads that score rows of logits between two appends; the calling thread is one of them. They sleep while the engine computes. Rows are
/// fetched and pinned by the calling thread (sessions aren't thread-safe) and read in place: copying a batch's logits would cost as much
/// memory traffic as scoring them.
/// </summary>
internal sealed unsafe class RowWorkers : IDisposable
{
    // Rows pinned at once, by recursion (about 200 bytes of stack each). Enough that two barriers cost little beside the rows' work.
    private const int BlockRows = 256;

    private readonly Barrier _barrier;
    private readonly Thread[] _threads;
    private readonly nint[] _pointers = new nint[BlockRows];
    private RowAction? _action;
    private int _vocabulary;
    private int _firstRow;
    private int _count;
    private int _next;
    private ExceptionDispatchInfo? _fault;
    private bool _stop;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">How many in all, the calling one included; at least 1.</param>
    public RowWorkers(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Count = threads;
        _barrier = new Barrier(threads);
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => WorkUntilStopped(worker)) { IsBackground = true, Name = $"scoring {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads in all.</summary>
    public int Count { get; }

    /// <summary>Runs the action on every row of the last append, rows in no fixed order; returns when all are done.</summary>
    /// <param name="session">The session just appended to.</param>
    /// <param name="rows">Rows to handle: 0 to rows − 1.</param>
    /// <param name="action">What to do with a row; the first exception it throws is thrown here.</param>
    public void Run(IInferenceSession session, int rows, RowAction action)
    {
        _action = action;
        for (int first = 0; first < rows; first += BlockRows)
        {
            _firstRow = first;
            _count = Math.Min(BlockRows, rows - first);
            _next = 0;
            PinThenWork(session, 0);
            _fault?.Throw();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stop) return;
        _stop = true;
        _barrier.SignalAndWait();
        foreach (Thread thread in _threads) thread.Join();
        _barrier.Dispose();
    }

    // `fixed` keeps a managed engine's row in place for as long as the frame lives; for native memory it costs nothing.
    private void PinThenWork(IInferenceSession session, int index)
    {
        if (index == _count)
        {
            _barrier.SignalAndWait();
            Work(0);
            _barrier.SignalAndWait();
            return;
        }

        ReadOnlySpan<float> row = session.Logits(_firstRow + index);
        _vocabulary = row.Length;
        fixed (float* pointer = row)
        {
            _pointers[index] = (nint)pointer;
            PinThenWork(session, index + 1);
        }
    }

    private void WorkUntilStopped(int worker)
    {
        while (true)
        {
            _barrier.SignalAndWait();
            if (_stop) return;
            Work(worker);
            _barrier.SignalAndWait();
        }
    }

    private void Work(int worker)
    {
        try
        {
            int index;
            while ((index = Interlocked.Increment(ref _next) - 1) < _count)
            {
                // set before the barrier
                _action!(worker, _firstRow + index, new ReadOnlySpan<float>((void*)_pointers[index], _vocabulary));
            }
        }
        catch (Exception e)
        {
            // Handed to the calling thread: an exception that leaves a thread ends the process.
            Interlocked.CompareExchange(ref _fault, ExceptionDispatchInfo.Capture(e), null);
        }
    }
}
