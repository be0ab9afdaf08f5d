using QuantBench.Engines.Managed.Threads;

namespace QuantBench.Engines.Managed.Tests.Threads;

public sealed class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(40)]
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

    /// <summary>Waiting threads take nothing from the one that they wait for.</summary>
    [Fact]
    public void Barrier_Parks_WhenThereAreMoreWorkersThanCores()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var pool = new WorkerPool(Environment.ProcessorCount + 60);
        pool.Run(new Counting(pool));
        double before = ProcessorSeconds();

        pool.Run(new Sleeping(pool, TimeSpan.FromSeconds(1)));

        // Spinning, they keep all cores busy for the whole second.
        Assert.InRange(ProcessorSeconds() - before, 0, 0.3);
    }

    /// <summary>Processor time of workers that no smaller pool of a test beside this one has.</summary>
    private static double ProcessorSeconds()
    {
        double ticks = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            string[] fields = File.ReadAllText(Path.Combine(task, "stat")).Split(' ');
            if (fields[1].StartsWith("(managed-", StringComparison.Ordinal) && int.Parse(fields[1][9..^1]) > 40)
                ticks += long.Parse(fields[13]) + long.Parse(fields[14]);
        }

        return ticks / 100;
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(2, 3)]
    [InlineData(0, 50)]
    [InlineData(49, 50)]
    public void Run_ThrowsAndStaysUsable_WhenAWorkerFails(int failing, int size)
    {
        using var pool = new WorkerPool(size);
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

    private sealed class Sleeping(WorkerPool pool, TimeSpan time) : IParallelWork
    {
        public void Execute(int worker)
        {
            if (worker == 0) Thread.Sleep(time);
            pool.Barrier();
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
