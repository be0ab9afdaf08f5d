using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Xml.Linq;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Leaders;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using static QuantBench.Analysis.Reports.HtmlPage;

namespace QuantBench.Analysis.Reports;

/// <summary>
/// Writes a read-only site of plain files: a page per run with its results, a page per model with its leaderboards, and an index. Machines
/// are called by their processors; host names, paths, suites' texts and reasons of failures stay at home.
/// </summary>
public sealed class SiteWriter
{
    private const int MostRanked = 500; // rows of a leaderboard; its CSV has all

    private static readonly ImmutableArray<MetricDefinition> s_ranked =
        [.. MetricTable.Headlines.Where(m => m.Direction != Direction.None)];

    private readonly string _directory;
    private readonly string _version;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Model, string Metric), List<LeaderFigure>> _figures = [];
    private readonly Dictionary<string, RunInfo> _runs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (ImmutableArray<string> Models, int Variants, int Figures)> _counts = new(StringComparer.Ordinal);

    /// <summary>Begins a site.</summary>
    /// <param name="directory">Where to; made when missing. Files of an earlier site are written over.</param>
    /// <param name="version">Version of the program, for the pages' last lines.</param>
    public SiteWriter(string directory, string version)
    {
        (_directory, _version) = (directory, version);
        Directory.CreateDirectory(Path.Combine(directory, "runs"));
        Directory.CreateDirectory(Path.Combine(directory, "models"));
        File.WriteAllText(Path.Combine(directory, SiteScript.File), SiteScript.Text);
    }

    /// <summary>Writes the page and the CSV of a run; any thread may.</summary>
    /// <param name="run">The run, with or without samples.</param>
    public void Add(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        RunTable table = RunTableBuilder.Build(run);
        string path = Path.Combine(_directory, "runs", run.Info.Id);
        File.WriteAllText(path + ".csv", RunTableCsv.Write(table));
        File.WriteAllText(path + ".html", RunPage(run, table));
        lock (_gate)
        {
            _runs[run.Info.Id] = run.Info;
            _counts[run.Info.Id] = ([.. run.Cells.Select(c => c.Cell.Model).Distinct()],
                run.Cells.Select(c => c.Cell.Variant).Distinct().Count(), run.Cells.Sum(c => c.Metrics.Length));
            foreach (MetricDefinition metric in s_ranked)
            {
                foreach (CellResult cell in run.Cells.Where(c => c.Status == CellStatus.Ok))
                {
                    if (cell.Metric(metric.Name) is not { } figure || !double.IsFinite(figure.Value)
                        || (metric.Kind == MetricKind.Quality && cell.HasMeaninglessQuality)) continue;
                    (string, string) key = (cell.Cell.Model, metric.Name);
                    if (!_figures.TryGetValue(key, out List<LeaderFigure>? list)) _figures[key] = list = [];
                    list.Add(LeaderFigure.Of(run.Info, cell, figure));
                }
            }
        }
    }

    /// <summary>Writes the pages of the models and the index, when every run has been added.</summary>
    public void Finish()
    {
        string[] models = [.. _figures.Keys.Select(k => k.Model).Distinct().Order(StringComparer.Ordinal)];
        foreach (string model in models) WriteModel(model);
        RunInfo[] runs = [.. _runs.Values.OrderByDescending(r => r.Started)];
        string text = Write("QuantBench results", "models",
            [
                new XElement("p", new XAttribute("class", "kicker"), "QuantBench"), new XElement("h1", "Results"),
                new XElement("p", new XAttribute("class", "lead"),
                    $"{Count(runs.Length, "run")} of {Count(models.Length, "model")} on "
                        + $"{Count(runs.Select(r => r.Fingerprint.MachineId).Distinct().Count(), "machine")}."),
            ],
            [
                Section("models", "Leaderboards", new XElement("ul", models.Select(m =>
                    new XElement("li", new XElement("a", new XAttribute("href", $"models/{FileOf(m)}.html"), m))))),
                Section("runs", "Runs", Sortable("Runs, newest first",
                    ["Run", "Suite", "Models", "Variants", "Figures", "Machine", "Started"],
                    runs.Select(r => (IEnumerable<object>)
                    [
                        new XElement("a", new XAttribute("href", $"runs/{r.Id}.html"), r.Id), r.Suite,
                        string.Join(", ", _counts[r.Id].Models), (double)_counts[r.Id].Variants, (double)_counts[r.Id].Figures,
                        r.Fingerprint.Cpu, Format.Time(r.Started),
                    ]))),
                Script(""),
            ], Footer);
        File.WriteAllText(Path.Combine(_directory, "index.html"), text);
    }

    private string Footer => $"Made by QuantBench {_version} from stored runs; read only.";

    private void WriteModel(string model)
    {
        string file = FileOf(model);
        var csv = new StringBuilder("metric,unit,rank,variant,machine,backend,value,low,high,disturbed,run,way\r\n");
        var sections = new List<object?>();
        foreach (MetricDefinition metric in s_ranked)
        {
            if (!_figures.TryGetValue((model, metric.Name), out List<LeaderFigure>? figures)) continue;
            Leaderboard first = Leaderboard.Of(metric, figures);
            foreach (string way in first.Ways)
            {
                Leaderboard board = way == first.Way ? first : Leaderboard.Of(metric, figures, way);
                foreach (LeaderRow row in board.Rows) csv.Append(CsvLine(metric, row));
                if (way == first.Way) sections.Add(Board(metric, board));
            }
        }

        File.WriteAllText(Path.Combine(_directory, "models", file + ".csv"), csv.ToString());
        sections.Add(Script("../"));
        File.WriteAllText(Path.Combine(_directory, "models", file + ".html"), Write($"{model}: QuantBench leaderboard", "main",
            [
                Back("../"), new XElement("h1", model),
                new XElement("p", new XAttribute("class", "lead"), LeaderText.Reading),
                new XElement("p", new XElement("a", new XAttribute("href", file + ".csv"), "All figures as CSV")),
            ], sections, Footer));
    }

    private static XElement Board(MetricDefinition metric, Leaderboard board) => Section(metric.Name, metric.Title,
        new XElement("p", $"{metric.Description}. Measured by {board.Way}."
            + (board.Ways.Length > 1 ? $" The CSV has {board.Ways.Length - 1} more ways of measuring." : "")
            + (board.Rows.Length > MostRanked ? $" The first {MostRanked} of {board.Rows.Length} are listed; the CSV has all." : "")),
        Sortable(metric.Title, ["Rank", "Variant", "Machine", "Backend", metric.Title, "95 % interval", "Run"],
            board.Rows.Take(MostRanked).Select(r => (IEnumerable<object>)
            [
                r.Rank is { } rank ? (double)rank : Format.Missing, new XElement("code", r.Figure.Variant), r.Figure.Machine,
                r.Figure.Backend, (r.Figure.Value, LeaderText.Value(metric, r.Figure)), LeaderText.Ends(metric, r.Figure),
                new XElement("a", new XAttribute("href", $"../runs/{r.Figure.RunId}.html"), r.Figure.RunId),
            ])));

    private string RunPage(RunRecord run, RunTable table)
    {
        RunInfo info = run.Info;
        string[] counts = [.. table.Counts.Where(c => c.Value > 0).Select(c => $"{c.Value} {RunReport.Word(c.Key)}")];
        return Write($"{info.Suite} {info.Id}: QuantBench", "results",
            [
                Back("../"),
                new XElement("h1", info.Suite, " ", new XElement("span", new XAttribute("class", "id"), info.Id)),
                new XElement("p", new XAttribute("class", "lead"),
                    (table.Counts.GetValueOrDefault(CellStatus.Ok) == 0 ? "This run has no figures. " : "")
                        + $"Of {Count(info.CellCount, "cell")} {(counts.Length > 0 ? string.Join(", ", counts) : "none has ended")}."
                        + (table.Disturbed is { } disturbed ? $" {disturbed}." : "")),
                new XElement("p", new XElement("a", new XAttribute("href", info.Id + ".csv"), "Results as CSV")),
            ],
            [
                Section("results", "Results", ResultsHtml.Of(table, withReasons: false)),
                Section("machine", "Machine and software", DataTable("Machine and software", ["Fact", "Value"], Facts(info.Fingerprint))),
                Script("../"),
            ], Footer);
    }

    private static IEnumerable<string[]> Facts(Fingerprint f) =>
    [
        ["CPU", f.Cpu], ["Cores", f.LogicalCores.ToString(CultureInfo.InvariantCulture)], ["Memory", Format.Bytes(f.MemoryBytes)],
        ["GPUs", f.Gpus.IsDefaultOrEmpty ? "none seen" : string.Join("; ", f.Gpus)], ["Operating system", f.Os], ["Runtime", f.Runtime],
        ["QuantBench", f.QuantBench], .. f.Engines.Select(e => (string[])[$"Engine {e.Key}", e.Value]),
    ];

    private static XElement Back(string to) => new("p", new XAttribute("class", "kicker"),
        new XElement("a", new XAttribute("href", to + "index.html"), "QuantBench results"));

    private static XElement Script(string to) => new("script", new XAttribute("src", to + SiteScript.File), "");

    // A number is its own key; a pair is a key and its text.
    private static XElement Sortable(string name, IEnumerable<string> heads, IEnumerable<IEnumerable<object>> rows) => Scroll(name,
        new XElement("table", new XAttribute("class", "sortable"), new XElement("caption", name),
            new XElement("thead", new XElement("tr", heads.Select(Head))),
            new XElement("tbody", rows.Select(r => new XElement("tr", r.Select(cell => cell switch
            {
                double number => Number(number, Format.Number(number, 6)),
                ValueTuple<double, string> pair => Number(pair.Item1, pair.Item2),
                XElement element => new XElement("td", element),
                _ => new XElement("td", Printable(cell.ToString() ?? "")),
            }))))));

    private static XElement Number(double key, string text) => new("td", new XAttribute("class", "n"),
        new XAttribute("data-v", key.ToString("R", CultureInfo.InvariantCulture)), text);

    private static string CsvLine(MetricDefinition metric, LeaderRow row)
    {
        LeaderFigure f = row.Figure;
        return string.Join(',', ((string[])
        [
            metric.Name, metric.Unit, row.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", f.Variant, f.Machine, f.Backend, Raw(f.Value),
            Raw(f.Interval?.Low), Raw(f.Interval?.High), f.IsDisturbed ? "yes" : "", f.RunId, f.Way,
        ]).Select(t => t.AsSpan().ContainsAny(",\"\r\n") ? $"\"{t.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : t)) + "\r\n";
    }

    private static string Raw(double? value) =>
        value is { } v && double.IsFinite(v) ? v.ToString("R", CultureInfo.InvariantCulture) : "";

    private static string Count(int count, string noun) => $"{Format.Count(count)} {noun}{(count == 1 ? "" : "s")}";

    // A model may be called anything, also by a path; two names must not meet in one file.
    private static string FileOf(string model)
    {
        string plain = string.Concat(model.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
        if (plain == model) return plain;
        byte[] hash = System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(model));
        return $"{plain}-{Convert.ToHexStringLower(hash)[..8]}";
    }
}
