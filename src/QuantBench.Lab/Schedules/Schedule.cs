using System.Globalization;
using QuantBench.Core.Suites;

namespace QuantBench.Lab.Schedules;

/// <summary>Where a schedule comes from.</summary>
public enum ScheduleSource
{
    /// <summary>Added on the command line or a page.</summary>
    User,

    /// <summary>Written in the suite's file; the file is where it is changed.</summary>
    Suite,
}

/// <summary>A suite that runs by itself.</summary>
public sealed record Schedule
{
    /// <summary>Its name; unique.</summary>
    public required string Name { get; init; }

    /// <summary>Absolute path of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>When.</summary>
    public required CronTimes Cron { get; init; }

    /// <summary>What becomes of missed times.</summary>
    public required CatchUp CatchUp { get; init; }

    /// <summary>Whether it is paused: no times are taken until it is resumed.</summary>
    public bool Paused { get; init; }

    /// <summary>Where it comes from.</summary>
    public ScheduleSource Source { get; init; }

    /// <summary>When it was added, UTC.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>Times up to here have been taken into the queue, UTC.</summary>
    public DateTimeOffset Planned { get; init; }

    /// <summary>The next time, UTC; null when paused or there is none.</summary>
    public DateTimeOffset? Next => Paused ? null : Cron.Next(Planned);

    /// <summary>Key of the run of one of a schedule's times.</summary>
    /// <param name="name">The schedule's name, or what stands for one.</param>
    /// <param name="time">The time.</param>
    internal static string KeyOf(string name, DateTimeOffset time) =>
        $"{name}@{time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}";

    /// <summary>Its settings in one line, as the audit log keeps them.</summary>
    public override string ToString() => $"{Suite} at {Cron}, catch up {CatchUp.ToString().ToLowerInvariant()}{(Paused ? ", paused" : "")}";
}
