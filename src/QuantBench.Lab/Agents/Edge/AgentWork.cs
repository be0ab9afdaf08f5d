using System.Diagnostics;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Suites;
using QuantBench.Lab.Telemetry;
using QuantBench.Models.Sources;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// An agent: asks its server for jobs, one after the other, runs them as the command line would, and sends what they bring. Its run folders
/// and its journal are the truth; whatever dies, here or there, is gone on with.
/// </summary>
/// <param name="options">What it is made of.</param>
/// <param name="index">Takes results into this machine's own store; null = none.</param>
public sealed class AgentWork(AgentOptions options, IResultIndex? index)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_introduceAgain = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_probeAgain = TimeSpan.FromSeconds(15);

    private readonly TimeProvider _clock = options.Environment.Clock;
    private readonly ModelCache _models = new(options.Environment.CacheRoot,
        new ModelCacheLimits(options.CacheQuota, options.SharedModels,
            file => ModelSource.Sha256Of(file, Path.Combine(options.Environment.CacheRoot, "hashes"))),
        options.Environment.Clock, options.Say);

    private FitnessCheck? _fitness;
    private (bool Told, string? Unfit) _state;
    private string? _said;

    /// <summary>Works until it is stopped.</summary>
    /// <param name="stop">Stops: the running cell is killed, the job is gone on with at the next start.</param>
    /// <exception cref="QuantBenchException">Another agent works here, or the key is none.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        using AgentJournal journal = AgentJournal.Open(options.Environment.ResultsRoot);
        using var link = new AgentLink(options.Server, options.Key);
        var offline = new OfflineSchedule(journal, _clock);
        _fitness = NewFitness(journal);
        using var sender = new ResultSender(link, journal, options.Environment.ResultsRoot, _clock, options.Say);
        using var sending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task sends = sender.RunAsync(sending.Token);
        BeatProcess? beat = null;
        try
        {
            TimeSpan pause = s_pause;
            AgentWelcome? welcome = null;
            long introduced = 0;
            string claim = NewClaim();
            while (!stop.IsCancellationRequested)
            {
                JournalEntry? entry = null;
                try
                {
                    if (welcome is null || _clock.GetElapsedTime(introduced) > s_introduceAgain)
                    {
                        welcome = await IntroduceAsync(link, journal, stop);
                        introduced = _clock.GetTimestamp();
                        offline.Heard(welcome);
                        if (beat is null)
                        {
                            options.Say($"machine {welcome.Machine} works for {options.Server}");
                            beat = NewBeat(welcome, journal);
                            beat.Start();
                        }
                    }

                    // A machine has one job: the next is asked for when the server has all of the last one.
                    if (journal.Entries().Any(e => e.Ended is not null))
                    {
                        sender.Wake();
                        await Task.Delay(TimeSpan.FromMilliseconds(100), _clock, stop);
                        // Whether the server is there is known by asking.
                        if (_clock.GetElapsedTime(introduced) > s_pause) welcome = null;
                        continue;
                    }

                    if (await IsUnfitAsync(link, journal, stop))
                    {
                        await Task.Delay(s_probeAgain, _clock, stop);
                        continue;
                    }

                    if (Waiting(journal) is { } cutOff)
                    {
                        await RunJobAsync(cutOff, journal, link, sender, beat, stop);
                        continue;
                    }

                    AgentJob? job = await link.PostAsync<AgentClaim, AgentJob>("agent/claim",
                        new AgentClaim(journal.Instance, claim, welcome.PollSeconds), stop, TimeSpan.FromSeconds(welcome.PollSeconds));
                    claim = NewClaim();
                    (pause, _said) = (s_pause, null);
                    GiveUp(journal, job?.Job);
                    if (job is null) continue;
                    entry = journal.Change(job.Job, e => Entry(job, e));
                }
                catch (Exception e) when (e is HttpRequestException or QuantBenchException or System.Text.Json.JsonException)
                {
                    if (_said != e.Message)
                        options.Say(e is QuantBenchException { Hint: { } hint } ? $"{e.Message} {hint}" : $"no link: {e.Message}");
                    (_said, welcome) = (e.Message, null);
                    // Only a link that is down is made up for: a machine whose key was revoked, or whose program is too old, works for
                    // nobody.
                    entry = e is QuantBenchException ? null : Waiting(journal)
                        ?? (offline.Due() is { } due ? journal.Change(due.Name, known => known ?? due) : null);
                    if (entry is null)
                    {
                        await Task.Delay(pause, _clock, stop);
                        pause = TimeSpan.FromSeconds(Math.Min(pause.TotalSeconds * 2, s_longestPause.TotalSeconds));
                    }
                }

                if (entry is not null) await RunJobAsync(entry, journal, link, sender, beat, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As asked.
        }
        finally
        {
            await sending.CancelAsync();
            await sends;
            if (beat is not null) await beat.DisposeAsync();
        }
    }

    private FitnessCheck? NewFitness(AgentJournal journal)
    {
        if (options.AnyCondition) return null;
        var conditions = new MachineConditions(_clock);
        var yardstick = new Yardstick(_clock);
        return new FitnessCheck(conditions.Read, () => yardstick.Measure().Dot, journal);
    }

    // Told when it changes, and once behind a start: the server may remember what the last agent said.
    private async Task<bool> IsUnfitAsync(AgentLink link, AgentJournal journal, CancellationToken stop)
    {
        string? unfit = _fitness?.Look();
        if (!_state.Told || unfit != _state.Unfit)
        {
            await link.PostAsync<AgentFitness, object>("agent/fitness", new AgentFitness(journal.Instance, unfit), stop);
            // The reason's figures may change with every look.
            if (unfit is null != _state.Unfit is null) options.Say(unfit is null ? "takes jobs again" : $"takes no jobs: {unfit}");
            _state = (true, unfit);
        }

        return unfit is not null;
    }

    private async Task<AgentWelcome> IntroduceAsync(AgentLink link, AgentJournal journal, CancellationToken stop) =>
        await link.PostAsync<AgentHello, AgentWelcome>("agent/hello",
            new AgentHello(AgentHello.Current, options.Version, journal.Instance,
                [.. MachineLabels.Of(options.Environment.ReadFingerprint()).Concat(options.Labels).Distinct(StringComparer.Ordinal)]), stop)
            ?? throw new HttpRequestException("the server said nothing");

    private BeatProcess NewBeat(AgentWelcome welcome, AgentJournal journal) => new(
        options.Beat,
        new BeatStart(options.Server, options.Key, journal.Instance, welcome.BeatSeconds, System.Environment.ProcessId), _clock);

    // Asked again with the same id until it is answered, so that an answer that got lost costs no attempt.
    private static string NewClaim() => Guid.NewGuid().ToString("N");

    // A run that began without a link and was cut off goes on without one.
    private static JournalEntry? Waiting(AgentJournal journal) =>
        journal.Entries().FirstOrDefault(e => e is { Job: null, Ended: null });

    // What this machine had begun and the server doesn't give it again went to another one: what there is of it is sent all the same.
    private static void GiveUp(AgentJournal journal, string? job)
    {
        foreach (JournalEntry left in journal.Entries().Where(e => e is { Job: not null, Ended: null } && e.Job != job))
            journal.Change(left.Name, e => e is null ? null : e with { Ended = "cancelled", Message = "another machine has it" });
    }

    private static JournalEntry Entry(AgentJob job, JournalEntry? before) => new()
    {
        Name = job.Job,
        Job = job.Job,
        Epoch = job.Epoch,
        Key = job.Key,
        Suite = job.Suite,
        SuiteText = job.SuiteText,
        Only = job.Only.IsDefault ? [] : job.Only,
        Tags = job.Tags.IsDefault ? [] : job.Tags,
        RunId = job.RunId ?? before?.RunId,
        Begun = before?.Begun ?? false,
        Sent = before?.Sent ?? 0,
    };

    private async Task RunJobAsync(JournalEntry entry, AgentJournal journal, AgentLink link, ResultSender sender, BeatProcess? beat,
        CancellationToken stop)
    {
        options.Say($"{entry.Key}: begins");
        using Activity? span = Traces.Source.StartActivity("job", ActivityKind.Consumer);
        span?.SetTag("quantbench.key", entry.Key).SetTag("quantbench.suite", entry.Suite).SetTag("quantbench.epoch", entry.Epoch);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        void Heard(BeatJob about, BeatAnswer answer)
        {
            if (about.Job == entry.Job && about.Epoch == entry.Epoch && (answer.Cancel || (answer.Lost && !answer.GoOn))) Cancel(cancel);
        }

        void Told(string name, bool stops)
        {
            if (name == entry.Name && stops) Cancel(cancel);
        }

        void Release(string name)
        {
            if (name != entry.Name) return;
            sender.Done -= Release;
            beat?.Hold(null, 0);
        }

        if (beat is not null) beat.Answered += Heard;
        sender.Answered += Told;
        // The lease is held until the server has all of it.
        sender.Done += Release;
        beat?.Hold(entry.Job, entry.Epoch);
        try
        {
            (string State, string? Message)? end = await MeasureAsync(entry, journal, link, sender, cancel.Token);
            // Stopped with the agent: gone on with by the next one.
            if (end is null && stop.IsCancellationRequested) return;
            (string state, string? message) = end ?? ("cancelled", "stopped by the server");
            JournalEntry? ended = journal.Change(entry.Name, e => e is null ? null : e with { Ended = state, Message = message });
            span?.SetTag("quantbench.run", ended?.RunId)
                .SetStatus(state == "failed" ? ActivityStatusCode.Error : ActivityStatusCode.Ok, message);
            options.Say($"{entry.Key}: {state}{(message is null ? "" : $": {message}")}");
            sender.Wake();
        }
        finally
        {
            if (beat is not null) beat.Answered -= Heard;
            sender.Answered -= Told;
            _fitness?.Reset();
            ReleaseModels();
        }
    }

    // How it ended; null when it was stopped.
    private async Task<(string State, string? Message)?> MeasureAsync(JournalEntry entry, AgentJournal journal, AgentLink link,
        ResultSender sender, CancellationToken cancellationToken)
    {
        try
        {
            Suite suite = SuiteLoader.Parse(entry.SuiteText, Path.Combine(options.SuitesDirectory, $"{entry.Suite}.yaml"),
                options.SuitesDirectory, options.Environment.Engines.Catalog);
            options.Permit(suite);
            RunnerEnvironment environment = await WithModelsAsync(entry, suite, link, cancellationToken);
            var runner = new SuiteRunner(environment, new Watch(sender), index);
            RunOutcome? outcome = await ResumeAsync(runner, entry, cancellationToken)
                ?? await runner.RunAsync(
                    suite,
                    new RunOptions
                    {
                        Only = entry.Only,
                        Tags = entry.Tags,
                        // Crash point: the journal knows the id, the folder isn't made yet. Then there is nothing to go on with.
                        Begins = id => journal.Change(entry.Name, e => e is null ? null : e with { RunId = id, Begun = false, Sent = 0 }),
                    },
                    cancellationToken);
            if (outcome.Interrupted) return null;
            options.Finished(outcome.Folder);
            return outcome.Failed > 0 ? ("failed", $"{outcome.Failed} of {outcome.Info.CellCount} cells failed") : ("done", null);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (QuantBenchException e)
        {
            return ("failed", e.Explanation);
        }
    }

    // Models that lie where the suite says are used there, as on the command line; the others come from the server.
    private async Task<RunnerEnvironment> WithModelsAsync(JournalEntry entry, Suite suite, AgentLink link,
        CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (SuiteModel model in suite.Models)
        {
            if (model.IsServed || SuiteModel.IsShape(model.Source) || Path.Exists(model.Source)) continue;
            // Without a link: what it was when there was one.
            string? path = entry.Job is null ? _models.Known(model.Source)
                : await PullAsync($"agent/jobs/{entry.Job}/models/{Uri.EscapeDataString(model.Id)}", model, link, cancellationToken);
            if (path is not null) found[model.Source] = path;
        }

        return found.Count == 0 ? options.Environment : options.Environment with
        {
            OpenSource = path => options.Environment.OpenSource(found.GetValueOrDefault(path, path)),
        };
    }

    private async Task<string> PullAsync(string address, SuiteModel model, AgentLink link, CancellationToken cancellationToken)
    {
        TimeSpan pause = s_pause;
        while (true)
        {
            try
            {
                AgentModel made = await link.GetAsync<AgentModel>(address, default, cancellationToken)
                    ?? throw new HttpRequestException("the server said nothing");
                return await _models.GetAsync(link, address, model.Source, made, cancellationToken);
            }
            catch (HttpRequestException e)
            {
                if (pause == s_pause) options.Say($"model '{model.Id}' waits for the link: {e.Message}");
                await Task.Delay(pause, _clock, cancellationToken);
                pause = TimeSpan.FromSeconds(Math.Min(pause.TotalSeconds * 2, s_longestPause.TotalSeconds));
            }
        }
    }

    private async Task<RunOutcome?> ResumeAsync(SuiteRunner runner, JournalEntry entry, CancellationToken cancellationToken)
    {
        if (entry.RunId is not { } id) return null;
        string folder = Path.Combine(options.Environment.ResultsRoot, id);
        if (!File.Exists(Path.Combine(folder, RunFolder.RunFile)) || RunFolder.IsImported(folder)) return null;
        RunRecord record = RunFolder.ReadRecord(folder);
        if (record.Info.Status == Core.Runs.RunStatus.Completed)
        {
            // Crash point: the run was whole, only the journal hadn't heard of it.
            int Count(CellStatus status) => record.Cells.Count(c => c.Status == status);
            return new RunOutcome(record.Info, folder, Count(CellStatus.Ok), Count(CellStatus.Unsupported), Count(CellStatus.Failed));
        }

        try
        {
            return await runner.ResumeAsync(folder, new RunOptions(), cancellationToken);
        }
        catch (RequestException e)
        {
            options.Say($"{entry.Key}: {e.Message} It begins anew.");
            return null;
        }
    }

    private void ReleaseModels()
    {
        try
        {
            _models.Release();
        }
        catch (StoreException e)
        {
            options.Say(e.Message); // the job is done all the same
        }
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended.
        }
    }

    private sealed class Watch(ResultSender sender) : IProgress<RunEvent>
    {
        private Activity? _cell;

        public void Report(RunEvent value)
        {
            if (value is RunEvent.CellStarted { Launch: 1 } started)
            {
                _cell = Traces.Source.StartActivity("cell");
                _cell?.SetTag("quantbench.cell", started.Cell.Id.Value).SetTag("quantbench.title", started.Cell.Title);
            }
            else if (value is RunEvent.CellFinished)
            {
                _cell?.Dispose();
                _cell = null;
            }

            if (value is RunEvent.RunStarted or RunEvent.CellFinished or RunEvent.RunEnded) sender.Wake();
        }
    }
}
