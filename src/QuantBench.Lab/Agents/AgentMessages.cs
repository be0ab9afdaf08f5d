using System.Collections.Immutable;

namespace QuantBench.Lab.Agents;

/// <summary>An agent says what it is.</summary>
/// <param name="Protocol">Version of these messages that it speaks.</param>
/// <param name="Version">Version of its QuantBench.</param>
/// <param name="Instance">Its installation.</param>
/// <param name="Labels">What its machine is told by.</param>
public sealed record AgentHello(int Protocol, string Version, string Instance, ImmutableArray<string> Labels)
{
    /// <summary>Version of the messages.</summary>
    public const int Current = 1;
}

/// <summary>The server's answer.</summary>
/// <param name="Machine">The machine's name: that of its key.</param>
/// <param name="LeaseSeconds">How long a lease lasts without a word.</param>
/// <param name="BeatSeconds">How often to speak.</param>
/// <param name="PollSeconds">How long a question for a job waits.</param>
/// <param name="Now">The server's clock.</param>
/// <param name="Schedules">What the machine runs by itself while there is no link.</param>
public sealed record AgentWelcome(
    string Machine, double LeaseSeconds, double BeatSeconds, double PollSeconds, DateTimeOffset Now,
    ImmutableArray<AgentSchedule> Schedules);

/// <summary>A schedule that a machine keeps without a link.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Cron">Its times.</param>
/// <param name="Zone">Their time zone.</param>
/// <param name="Suite">Name of the suite.</param>
/// <param name="SuiteText">The suite's text.</param>
public sealed record AgentSchedule(string Name, string Cron, string Zone, string Suite, string SuiteText);

/// <summary>An agent asks for a job; asked twice with one id it gets the same answer.</summary>
/// <param name="Instance">Its installation.</param>
/// <param name="Claim">Random id of the question.</param>
/// <param name="WaitSeconds">How long it waits for one.</param>
public sealed record AgentClaim(string Instance, string Claim, double WaitSeconds);

/// <summary>A job for an agent.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="Epoch">The number that goes with everything it sends of it.</param>
/// <param name="Key">Key of the queued run.</param>
/// <param name="Suite">Name of the suite.</param>
/// <param name="SuiteText">The suite's text.</param>
/// <param name="Only">Patterns that narrow it.</param>
/// <param name="Tags">Tags of the run.</param>
/// <param name="RunId">The run that this machine has begun for it; null when it has none.</param>
public sealed record AgentJob(
    string Job, long Epoch, string Key, string Suite, string SuiteText, ImmutableArray<string> Only, ImmutableArray<string> Tags,
    string? RunId);

/// <summary>An agent is alive.</summary>
/// <param name="Instance">Its installation.</param>
/// <param name="Job">The job that it works on; null = none.</param>
/// <param name="Epoch">That job's number.</param>
/// <param name="Health">What it says of its machine.</param>
public sealed record AgentBeat(string Instance, string? Job, long Epoch, ImmutableSortedDictionary<string, double>? Health);

/// <summary>An agent says whether its machine is fit for jobs.</summary>
/// <param name="Instance">Its installation.</param>
/// <param name="Unfit">Why what it measured now would mean nothing; null = it is fit.</param>
public sealed record AgentFitness(string Instance, string? Unfit);

/// <summary>The server's answer to a sign of life.</summary>
/// <param name="Now">The server's clock.</param>
/// <param name="Lost">Whether the job went to another machine.</param>
/// <param name="GoOn">Whether the run is wanted all the same.</param>
/// <param name="Cancel">Whether somebody asked for the job to stop.</param>
public sealed record BeatAnswer(DateTimeOffset Now, bool Lost, bool GoOn, bool Cancel);

/// <summary>A model that a machine lacks.</summary>
/// <param name="Sha256">Hash over its files, as results record it.</param>
/// <param name="File">The file that stands for it, among <paramref name="Files"/>; null = the directory of them.</param>
/// <param name="Files">Its files.</param>
public sealed record AgentModel(string Sha256, string? File, ImmutableArray<AgentFile> Files);

/// <summary>One file of a model.</summary>
/// <param name="Path">Its path in the model's directory, with <c>/</c>.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its hash.</param>
public sealed record AgentFile(string Path, long Bytes, string Sha256);

/// <summary>An agent has measured something without a link, for a time of its schedule.</summary>
/// <param name="Instance">Its installation.</param>
/// <param name="Schedule">The schedule's name.</param>
/// <param name="Due">The time.</param>
/// <param name="RunId">The run.</param>
public sealed record AgentAdopt(string Instance, string Schedule, DateTimeOffset Due, string RunId);

/// <summary>The job that a run without a link belongs to.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="Epoch">Its number.</param>
public sealed record AdoptAnswer(string Job, long Epoch);

/// <summary>Results of a job: the run and some of its cells, as its folder has them.</summary>
/// <param name="Run">Content of <c>run.json</c>.</param>
/// <param name="Cells">Lines of <c>cells.jsonl</c> with the cells' logs.</param>
public sealed record AgentResults(string Run, ImmutableArray<SentCell> Cells);

/// <summary>One cell that is sent.</summary>
/// <param name="Line">Its line in <c>cells.jsonl</c>.</param>
/// <param name="Log">Its log; null when it has none.</param>
public sealed record SentCell(string Line, string? Log);

/// <summary>What became of results.</summary>
/// <param name="Taken">Cells that are new here.</param>
/// <param name="Known">Cells that were here already.</param>
/// <param name="Late">Whether they are kept apart, since another machine has the job.</param>
/// <param name="GoOn">Whether the rest of the run is wanted all the same.</param>
/// <param name="Cancel">Whether somebody asked for the job to stop.</param>
public sealed record ResultsAnswer(int Taken, int Known, bool Late, bool GoOn, bool Cancel);

/// <summary>A job ended on its machine.</summary>
/// <param name="Epoch">Its number.</param>
/// <param name="State"><c>done</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="Message">What became of it; null when all went well.</param>
/// <param name="RunId">Its run; null when none began.</param>
public sealed record AgentEnd(long Epoch, string State, string? Message, string? RunId);
