using Hangfire;
using Hangfire.InMemory;
using Hangfire.States;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Queue;

/// <summary>
/// The scheduler: takes times into the queue, hands due runs to Hangfire, one at a time. Hangfire's storage is in memory; what is due and
/// what was running lies in <c>lab.db</c>, so a restart hands out again exactly what hadn't ended.
/// </summary>
/// <param name="services">Makes the jobs.</param>
/// <param name="database">The database.</param>
/// <param name="occurrences">The queue's durable half.</param>
/// <param name="schedules">The schedules.</param>
/// <param name="options">Where suites lie.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
public sealed class LabServer(
    IServiceProvider services, LabDatabase database, OccurrenceStore occurrences, ScheduleStore schedules, LabOptions options,
    TimeProvider clock, ILogger<LabServer> logger)
    : BackgroundService
{
    /// <summary>Name of the one queue.</summary>
    public const string QueueName = "runs";

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_readSuites = TimeSpan.FromSeconds(15);

    private readonly HashSet<long> _handedOut = [];

    /// <summary>Takes the lock that keeps a second scheduler off the same results; null when another holds it.</summary>
    /// <param name="database">The database.</param>
    public static FileStream? TryLock(LabDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        try
        {
            // The operating system lets go of it with the process, however that ends.
            return new FileStream(database.Path + ".scheduler", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using FileStream? held = TryLock(database);
        if (held is null)
        {
            logger.LogError("another scheduler works on {Database}; this one only shows pages", database.Path);
            return;
        }

        using var storage = new InMemoryStorage();
        var client = new BackgroundJobClient(storage);
        using var server = new BackgroundJobServer(
            new BackgroundJobServerOptions
            {
                WorkerCount = 1, // measurements disturb each other
                Queues = [QueueName],
                Activator = new Activator(services),
                ShutdownTimeout = TimeSpan.FromSeconds(30),
                SchedulePollingInterval = TimeSpan.FromSeconds(1),
            },
            storage);
        DateTimeOffset suitesRead = DateTimeOffset.MinValue;
        try
        {
            using var timer = new PeriodicTimer(s_tick, clock);
            do
            {
                try
                {
                    if (clock.GetUtcNow() - suitesRead >= s_readSuites)
                    {
                        FollowSuites();
                        suitesRead = clock.GetUtcNow();
                    }

                    occurrences.Plan();
                    foreach (Occurrence open in occurrences.Open())
                    {
                        if (_handedOut.Add(open.Id))
                            client.Create<OccurrenceJob>(job => job.RunAsync(open.Id, CancellationToken.None),
                                new EnqueuedState(QueueName));
                    }
                }
                catch (Exception e) when (e is Microsoft.Data.Sqlite.SqliteException or IOException)
                {
                    logger.LogWarning(e, "the queue couldn't be read; trying again");
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            server.SendStop();
            await server.WaitForShutdownAsync(CancellationToken.None);
        }
    }

    private void FollowSuites()
    {
        var read = new List<Suite>();
        var unreadable = new HashSet<string>(StringComparer.Ordinal);
        foreach (string file in options.SuiteFiles())
        {
            try
            {
                read.Add(SuiteLoader.Load(file, options.Engines));
            }
            catch (SuiteException e)
            {
                unreadable.Add(file);
                logger.LogWarning("a suite can't be read, its schedule stays as it was: {Problem}", e.Message);
            }
        }

        schedules.Follow(read, unreadable);
    }

    private sealed class Activator(IServiceProvider services) : JobActivator
    {
        public override object ActivateJob(Type jobType) => ActivatorUtilities.CreateInstance(services, jobType);
    }
}
