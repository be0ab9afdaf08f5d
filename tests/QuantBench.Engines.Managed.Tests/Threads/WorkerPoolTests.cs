using QuantBench.Engines.Managed.Threads;

namespace QuantBench.Engines.Managed.Tests.Threads;

public sealed class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Run_MeetsAtEveryBarrierAndSharesEveryTask(int size)
    {
        using var pool = new WorkerPool(size);
        var work = new Counting(pool);
        for (int run = 0; run < 20; run++)
        {
            pool.Run(work);
            Assert.True(work.Consistent);
            Assert.Equal((run + 1) * Counting.Steps * Counting.Tasks, work.Total);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Run_ThrowsAndStaysUsable_WhenAWorkerFails(int failing)
    {
        using var pool = new WorkerPool(3);
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => pool.Run(new Failing(pool, failing)));
        Assert.Equal("on purpose", thrown.InnerException?.Message);

        var work = new Counting(pool);
        pool.Run(work);
        Assert.Equal(Counting.Steps * Counting.Tasks, work.Total);
    }

    private sealed class Counting(WorkerPool pool) : IParallelWork
    {
        public const int Steps = 50;
        public const int Tasks = 23;
        private int _total;
        private int _step;

        public int Total => _total;

        public bool Consistent { get; private set; } = true;

        public void Execute(int worker)
        {
            for (int step = 0; step < Steps; step++)
            {
                for (int task = pool.Take(); task < Tasks; task = pool.Take()) Interlocked.Increment(ref _total);
                pool.Barrier();
                if (worker == 0)
                {
                    if (Volatile.Read(ref _total) % Tasks != 0) Consistent = false;
                    _step++;
                }

                pool.Barrier();
                if (Volatile.Read(ref _step) % Steps != (step + 1) % Steps) Consistent = false;
                pool.Barrier();
            }
        }
    }

    private sealed class Failing(WorkerPool pool, int failing) : IParallelWork
    {
        public void Execute(int worker)
        {
            pool.Barrier();
            if (worker == failing) throw new FormatException("on purpose");
            pool.Barrier();
        }
    }
}
