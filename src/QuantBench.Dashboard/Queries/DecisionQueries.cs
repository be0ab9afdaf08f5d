using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Claims;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Gates;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Claims;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;
using QuantBench.Dashboard.Drawing;
using QuantBench.Lab;
using QuantBench.Results.Folders;

namespace QuantBench.Dashboard.Queries;

/// <summary>A profile with what to ship for it.</summary>
/// <param name="Name">Name of its file.</param>
/// <param name="Answers">One per model of the run.</param>
/// <param name="Fault">Why its file can't be used; null when it can.</param>
public sealed record ProfileAnswer(string Name, ImmutableArray<Recommendation> Answers, string? Fault = null);

/// <summary>What to ship, what is not beaten, what is claimed, what the gates say: all from one run.</summary>
/// <param name="runs">Reads runs.</param>
/// <param name="options">Where profiles and claims lie.</param>
/// <param name="cache">What stays true until the store changes.</param>
/// <param name="drawing">Draws.</param>
internal sealed class DecisionQueries(RunQueries runs, LabOptions options, StoreCache cache, DrawingQueue drawing)
{
    /// <summary>Names of the profiles.</summary>
    public ImmutableArray<string> ProfileNames => [.. options.ProfileFiles().Select(f => Path.GetFileNameWithoutExtension(f))];

    /// <summary>The candidates of a run, or null when it is gone.</summary>
    public async Task<CandidateSet?> CandidatesAsync(string runId, CancellationToken cancellationToken) =>
        await runs.RecordAsync(runId, cancellationToken) is { } record ? CandidateSet.Of(record) : null;

    /// <summary>A profile by name.</summary>
    /// <exception cref="RequestException">There is none.</exception>
    public Profile Profile(string name) => ProfileReader.Load(
        options.ProfileFiles().FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) == name)
            ?? throw new RequestException($"there is no profile '{name}'.", $"Known: {string.Join(", ", ProfileNames)}."),
        options.Engines);

    /// <summary>What to ship for a profile.</summary>
    public ImmutableArray<Recommendation> Recommend(CandidateSet set, Profile profile) =>
        Recommender.Recommend(set, profile, options.Engines);

    /// <summary>What to ship for every profile.</summary>
    public Task<ImmutableArray<ProfileAnswer>> ProfilesAsync(string runId, CancellationToken cancellationToken) =>
        cache.GetAsync($"profiles {runId} {Stamp(options.ProfileFiles())}", async () =>
    {
        CandidateSet? set = await CandidatesAsync(runId, cancellationToken);
        return set is null ? []
            : ProfileNames.Select(Answer).ToImmutableArray();

        ProfileAnswer Answer(string name)
        {
            try
            {
                return new ProfileAnswer(name, Recommend(set, Profile(name)));
            }
            catch (QuantBenchException e)
            {
                return new ProfileAnswer(name, [], e.Message); // the other profiles have answers
            }
        }
    });

    /// <summary>The claims judged by a run.</summary>
    public Task<ImmutableArray<ClaimFinding>> ClaimsAsync(string runId, CancellationToken cancellationToken) =>
        cache.GetAsync($"claims {runId} {Stamp([options.ClaimsFile])}", async () =>
    {
        CandidateSet? set = await CandidatesAsync(runId, cancellationToken);
        return set is null || !File.Exists(options.ClaimsFile) ? []
            : ClaimJudge.Judge(set, ClaimReader.Load(options.ClaimsFile, options.Engines));
    });

    /// <summary>The gates of a run's own suite; null when it has none.</summary>
    public Task<ImmutableArray<GateReport>> GatesAsync(string runId, CancellationToken cancellationToken) =>
        cache.GetAsync("gates " + runId, async () =>
    {
        RunRecord? record = await runs.RecordAsync(runId, cancellationToken);
        if (record is null) return ImmutableArray<GateReport>.Empty;
        try
        {
            ImmutableArray<GateRule> rules = GateReader.OfSuite(record.Info.SuiteText, $"suite of {runId}", options.Engines);
            return GateJudge.JudgeOwn(CandidateSet.Of(record), rules) is { } report ? [report] : [];
        }
        catch (SuiteException)
        {
            // A suite text of another version: its gates can't be read, its results can.
            return [];
        }
    });

    /// <summary>The fronts of a run on two axes, with a figure of each.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="x">Metric across.</param>
    /// <param name="y">Metric up.</param>
    /// <param name="answers">What was recommended: gets a ring, and its limits are drawn.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ImmutableArray<(ParetoFront Front, PlotFigure? Figure)>> FrontsAsync(string runId, string x, string y,
        ImmutableArray<Recommendation> answers, CancellationToken cancellationToken)
    {
        if (await CandidatesAsync(runId, cancellationToken) is not { } set) return [];
        ImmutableArray<ParetoFront> fronts = ParetoAnalyzer.Analyze(set, [MetricSelector.Parse(x), MetricSelector.Parse(y)]);
        return await drawing.DrawAsync<ImmutableArray<(ParetoFront, PlotFigure?)>>(() =>
            [.. fronts.Select((f, i) => (f, PlotFigure.Both((id, width) => Draw(f, id, width), $"front-{i + 1}")))]);

        PlotFigure? Draw(ParetoFront front, string id, int width)
        {
            Recommendation? answer = answers.FirstOrDefault(a => a.Model == front.Model);
            return ParetoFrontPlot.Draw(front, id: id, width: width, pick: answer?.Pick?.Name, bounds: answer?.Profile.Limits ?? [],
                miss: answer?.NearestMiss?.Name);
        }
    }

    // An answer holds for the files as they are now.
    private static string Stamp(IEnumerable<string> files) =>
        string.Join(' ', files.Select(f => File.GetLastWriteTimeUtc(f).Ticks.ToString(CultureInfo.InvariantCulture)));
}
