using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>Checks how the parts of a suite go together: each was right by itself when it was read.</summary>
/// <param name="suite">The suite.</param>
/// <param name="places">Where its parts were written.</param>
/// <param name="engines">What is known of the engines.</param>
internal sealed class SuiteChecks(Suite suite, SuitePlaces places, EngineCatalog engines)
{
    private const int MostCells = 100_000;

    /// <summary>Checks the settings of a workload.</summary>
    /// <param name="node">Where it was written.</param>
    /// <param name="workload">The workload.</param>
    /// <param name="used">Engines that run it.</param>
    /// <param name="engines">What is known of them.</param>
    /// <exception cref="SuiteException">They don't go together.</exception>
    public static void Workload(SuiteNode node, SuiteWorkload workload, IEnumerable<string> used, EngineCatalog engines)
    {
        CellSettings s = workload.Settings;
        if (WorkloadTable.Of(workload.Name).Check(s) is { } fault) throw node.Error(fault.Problem, engines.Fill(fault.Hint));
        if (s.Has("n_ctx") && s.Int("n_ctx") % 2 != 0)
        {
            throw node.Error($"n_ctx is {s.Int("n_ctx")}, an odd number",
                "only the second half of each chunk is scored, so it must be even");
        }

        if (s.Int("n_ubatch") > s.Int("n_batch"))
        {
            throw node.Error($"n_ubatch {s.Int("n_ubatch")} is larger than n_batch {s.Int("n_batch")}",
                "what is computed at once can't exceed what is handed over at once");
        }

        if (used.Select(e => engines.Find(e)?.Check(s)).FirstOrDefault(f => f is not null) is { } refusal)
            throw node.Error(refusal.Problem, refusal.Hint);

        if (s.Int("repetitions") > s.Int("max_repetitions"))
        {
            throw node.Error($"repetitions {s.Int("repetitions")} is more than max_repetitions {s.Int("max_repetitions")}",
                "repetitions is the least, max_repetitions the most");
        }
    }

    /// <summary>Checks the whole.</summary>
    /// <exception cref="SuiteException">The first fault, with the others.</exception>
    public void Run()
    {
        CheckSize();
        var faults = new SuiteFaults();
        faults.Gather(CheckCalibration);
        faults.Gather(CheckServers);
        foreach ((SuiteMap node, CellRule rule) in places.Include.Zip(suite.Include).Concat(places.Exclude.Zip(suite.Exclude)))
            faults.Gather(() => CheckRule(node, rule));
        CheckCells(faults);
        faults.Throw();
    }

    private void CheckSize()
    {
        long cells = (long)Math.Max(1, suite.Models.Length) * suite.Variants.Length * suite.Backends.Length * suite.Workloads.Length;
        if (cells > MostCells)
            throw places.Root.Error($"the suite makes {cells} cells; at most {MostCells} are allowed", "split it into several suites");
    }

    private void CheckCalibration()
    {
        bool wanted = places.CalibrationDataset is not null || suite.Variants.Any(v => v.NeedsCalibrationText);
        if (!wanted) return;
        foreach ((SuiteNode node, SuiteWorkload workload) in places.Workloads.Zip(suite.Workloads))
        {
            if (!workload.Settings.Has("dataset") || Split(workload.Settings.Text("dataset")) != Split(suite.Imatrix.Dataset)) continue;
            throw (places.CalibrationDataset ?? node).Error(
                $"the importance matrix or calibration is computed on '{suite.Imatrix.Dataset}', the text that {workload.Name} is "
                    + "evaluated "
                    + "on",
                "a quantizer tuned on the evaluation text looks better than it is; calibrate on another split, e.g. dataset: sotu:train");
        }

        // A dataset named without a split is its test split.
        static string Split(string dataset) => dataset.Contains(':', StringComparison.Ordinal) ? dataset : dataset + ":test";
    }

    private void CheckServers()
    {
        foreach ((SuiteNode node, BackendId backend) in places.Backends.Zip(suite.Backends))
        {
            if (backend.Server is not { IsDeclared: true } named || suite.ServerOf(backend) is not null) continue;
            throw node.Error($"{backend} names the server '{named.Url}', but the suite declares none of that id",
                suite.Servers.IsEmpty ? "declare it under 'servers', or write its address, e.g. http://localhost:8080"
                    : DidYouMean.Hint(named.Url, suite.Servers.Select(s => s.Id), "servers"));
        }
    }

    private void CheckRule(SuiteMap node, CellRule rule)
    {
        // The matrix is a full product, so a rule matches a cell exactly when each of its patterns matches something.
        Check("model", rule.Model,
            [.. suite.Models.Select(m => m.Id),
                .. suite.Workloads.Any(w => !WorkloadTable.Of(w.Name).RunsModel) ? [WorkloadTable.NoModel] : Array.Empty<string>()]);
        Check("variant", rule.Variant, suite.Variants.Select(v => v.Id));
        Check("backend", rule.Backend, suite.Backends.Select(b => b.ToString()));
        Check("workload", rule.Workload, suite.Workloads.Select(w => w.Name).Distinct());

        void Check(string key, string? pattern, IEnumerable<string> names)
        {
            if (pattern is null) return;
            string[] all = [.. names];
            if (all.Any(n => key == "variant" ? CellRule.MatchesVariant(pattern, n) : CellRule.MatchesText(pattern, n))) return;
            // Non-null: the pattern was read from this key.
            throw node.Find(key)!.Error($"the rule matches no cell: no {key} of the suite fits '{pattern}'",
                DidYouMean.Hint(pattern, all, $"{key}s of the suite"));
        }
    }

    private void CheckCells(SuiteFaults faults)
    {
        ImmutableArray<Cell> cells = Matrix.Expand(suite);
        if (cells.IsEmpty)
        {
            SuiteNode at = places.Include.Concat(places.Exclude).FirstOrDefault() ?? places.Root;
            faults.Gather(() => throw at.Error("the rules leave no cell to measure", "loosen 'include' or 'exclude'"));
        }

        var said = new HashSet<(Variant, BackendId)>();
        foreach (Cell cell in cells)
        {
            // A pair that doesn't go together is said once, not for each of its workloads.
            if (!said.Contains((cell.Variant, cell.Backend))) faults.Gather(() => Check(cell));
        }

        void Check(Cell cell)
        {
            CheckKind(cell);
            if (!WorkloadTable.Of(cell).RunsModel) return; // engines are asked at run time
            CheckServed(cell);
            if (FormatFault(cell.Variant, cell.Backend) is { } fault)
            {
                said.Add((cell.Variant, cell.Backend));
                throw places.Variants[suite.Variants.IndexOf(cell.Variant)]
                    .Error(fault, $"remove the variant, or exclude: [{{ variant: {cell.Variant}, backend: {cell.Backend} }}]");
            }

            if (!WorkloadTable.Of(cell).NeedsReference) return;
            Variant reference = Variant.Parse(cell.Settings.Text("reference"));
            if (FormatFault(reference, ReferenceNeed.BackendOf(cell)) is { } referenceFault)
            {
                throw PlaceOf(cell)
                    .Error($"reference: {referenceFault}",
                        "choose a reference that every backend of the suite can run, or say which one runs it, e.g. reference_backend: "
                            + engines.Example);
            }
        }
    }

    private SuiteNode PlaceOf(Cell cell) => places.Workloads[suite.Workloads.IndexOf(suite.Workloads.First(w => w.Has(cell)))];

    // Kernels work on block types, models hold a mix of them.
    private void CheckKind(Cell cell)
    {
        bool blockType = cell.Variant.Format == QuantSchemes.BlockTypeFormat;
        bool runsModel = WorkloadTable.Of(cell).RunsModel;
        if (blockType != runsModel) return;
        SuiteNode at = places.Variants[suite.Variants.IndexOf(cell.Variant)];
        string exclude = $"exclude: [{{ variant: {cell.Variant}, workload: {cell.Workload} }}]";
        throw blockType
            ? at.Error($"{cell.Variant} is a block type, not a model's format, so {cell.Workload} can't run it",
                $"write e.g. gguf:Q4_0, or {exclude}")
            : at.Error($"{cell.Workload} measures single block types, and {cell.Variant} is a model's format",
                $"write e.g. {QuantSchemes.BlockTypeFormat}:Q4_0, or {exclude}");
    }

    // What servers have under names of their own, and what is made of files here.
    private void CheckServed(Cell cell)
    {
        bool model = suite.Models.First(m => m.Id == cell.Model).IsServed;
        SuiteNode at = places.Variants[suite.Variants.IndexOf(cell.Variant)];
        if (model != cell.Variant.IsServed)
        {
            throw at.Error(model ? $"the model {cell.Model} is served, and {cell.Variant} is made of files"
                    : $"{cell.Variant} is a server's own name for a model, and {cell.Model} is made of files",
                model ? "write served:NAME, with the server's name for it" : "give the model the source 'served'");
        }

        if (engines.Find(cell.Backend.Engine) is not { } engine) return;
        if (cell.Variant.IsServed && !engine.IsRemote)
        {
            throw at.Error($"{cell.Backend} is no server and can't have {cell.Variant}",
                $"exclude: [{{ variant: {cell.Variant}, backend: {cell.Backend} }}]");
        }

        if (WorkloadTable.Of(cell).NeedsServer && !engine.IsRemote)
        {
            throw PlaceOf(cell)
                .Error($"{cell.Workload} measures servers, and {cell.Backend} is none",
                    $"exclude: [{{ workload: {cell.Workload}, backend: {cell.Backend} }}]");
        }
    }

    private string? FormatFault(Variant variant, BackendId backend) =>
        engines.Find(backend.Engine) is { Formats: { IsEmpty: false } formats } && !formats.Contains(variant.Format)
            ? $"{backend} can't run {variant}: {backend.Engine} reads {string.Join(", ", formats)} only"
            : null;
}
