using Hangfire;
using Hangfire.Common;
using Hangfire.InMemory;
using Hangfire.States;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Hosting;
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
/// <param name="planner">Hands runs of suites that name machines to those.</param>
/// <param name="options">Where suites lie.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
public sealed class LabServer(
    IServiceProvider services, LabDatabase database, OccurrenceStore occurrences, ScheduleStore schedules, JobPlanner planner,
    LabOptions options, TimeProvider clock, ILogger<LabServer> logger)
    : SteadyService("the scheduler", clock, logger)
{
    /// <summary>Name of the one queue.</summary>
    public const string QueueName = "runs";

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_readSuites = TimeSpan.FromSeconds(15);

    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private SchedulerLease? _lease;

    /// <summary>Whether this server runs the queue; false while it stands by for another one that does.</summary>
    public bool IsActive => Volatile.Read(ref _lease) is not null;

    /// <summary>Who holds the queue, as far as that is known.</summary>
    public string? Holder => SchedulerLease.Holder(database);

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the server says what it is.
        try
        {
            _lease = SchedulerLease.TryTake(database, Clock);
        }
        catch (Exception e) when (e is StoreException or System.Data.Common.DbException)
        {
            // The work begins with another try, and says what is wrong.
        }

        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stopping)
    {
        SchedulerLease? lease = _lease ??= SchedulerLease.TryTake(database, Clock);
        if (lease is null)
        {
            Logger.LogWarning("another server runs the queue ({Holder}); this one stands by", Holder);
            while ((lease = _lease = SchedulerLease.TryTake(database, Clock)) is null) await Task.Delay(s_tick, Clock, stopping);
            Logger.LogWarning("the other server has ended; this one runs the queue from now on");
        }

        try
        {
            await ScheduleAsync(lease, stopping);
        }
        finally
        {
            _lease?.Dispose();
            _lease = null;
        }
    }

    private async Task ScheduleAsync(SchedulerLease lease, CancellationToken stopping)
    {
        using var storage = new InMemoryStorage();
        var client = new BackgroundJobClient(storage);
        using var server = new BackgroundJobServer(
            new BackgroundJobServerOptions
            {
                WorkerCount = 1, // measurements disturb each other
                Queues = [QueueName],
                Activator = new Activator(services),
                FilterProvider = new JobFilterProviderCollection(
                    new JobFilterCollection { new OnceFilter() }, new JobFilterAttributeFilterProvider()),
                ShutdownTimeout = TimeSpan.FromSeconds(30),
                SchedulePollingInterval = TimeSpan.FromSeconds(1),
            },
            storage);
        var handedOut = new HashSet<long>();
        DateTimeOffset suitesRead = DateTimeOffset.MinValue;
        try
        {
            using var timer = new PeriodicTimer(s_tick, Clock);
            do
            {
                // Not caught here: whoever lost the lease begins again by asking for it.
                lease.Check();
                try
                {
                    if (Clock.GetUtcNow() - suitesRead >= s_readSuites)
                    {
                        suitesRead = Clock.GetUtcNow();
                        FollowSuites();
                    }

                    occurrences.Plan();
                    foreach (Occurrence open in occurrences.Open())
                    {
                        // A run whose worker has it stays there, whatever its file says since.
                        if (handedOut.Contains(open.Id) || planner.Take(open)) continue;
                        handedOut.Add(open.Id);
                        client.Create<OccurrenceJob>(job => job.RunAsync(open.Id, CancellationToken.None), new EnqueuedState(QueueName));
                    }

                    await planner.LookAsync(stopping);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // A run that is being measured goes on.
                    Logger.LogWarning(e, "the queue couldn't be read; trying again");
                }
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            server.SendStop();
            await server.WaitForShutdownAsync(CancellationToken.None);
        }
    }

    private void FollowSuites()
    {
        var read = new List<Suite>();
        var problems = new List<string>();
        var unreadable = new HashSet<string>(StringComparer.Ordinal);
        foreach (string file in options.SuiteFiles())
        {
            try
            {
                read.Add(SuiteLoader.Load(file, options.Engines));
            }
            catch (QuantBenchException e)
            {
                unreadable.Add(file);
                problems.Add(e.Message);
            }
        }

        problems.AddRange(schedules.Follow(read, unreadable));
        // Each once, not every time the files are read.
        foreach (string problem in problems.Where(_said.Add))
            Logger.LogWarning("a suite can't be followed, its schedule stays as it was: {Problem}", problem);
        _said.IntersectWith(problems);
    }

    private sealed class Activator(IServiceProvider services) : JobActivator
    {
        public override object ActivateJob(Type jobType) => ActivatorUtilities.CreateInstance(services, jobType);
    }
}
