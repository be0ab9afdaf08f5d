using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Xml.Linq;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using static QuantBench.Analysis.Reports.HtmlPage;

namespace QuantBench.Analysis.Reports;

/// <summary>
/// What an auditor asks of a run: where each artifact comes from (source, recipe, tool versions, all by hash), what it was measured on and
/// with, everything that happened in order, and the hashes of the files that hold the evidence. Facts only: nothing here judges.
/// </summary>
public sealed record ComplianceReport
{
    private static readonly ImmutableArray<(string Key, string Title)> s_artifactFacts =
    [
        ("artifact_sha256", "Artifact SHA-256"), ("model_sha256", "Source SHA-256"), ("artifact_builder", "Made by"),
        ("artifact_recipe", "Recipe key"),
    ];

    private static readonly ImmutableArray<(string Key, string Title)> s_inputFacts =
    [
        ("dataset_sha256", "Text SHA-256"), ("tokenizer_sha256", "Tokenizer SHA-256"),
        ("reference_artifact_sha256", "Reference artifact SHA-256"),
        ("engine_build", "Engine build"),
    ];

    /// <summary>The run.</summary>
    public required RunInfo Info { get; init; }

    /// <summary>The sections: id, title, and a table.</summary>
    public required ImmutableArray<ComplianceSection> Sections { get; init; }

    /// <summary>Gathers the report.</summary>
    /// <param name="run">The run with what holds of it.</param>
    /// <param name="history">Every recorded line in order, superseded ones included.</param>
    /// <param name="files">Hashes of the run's files.</param>
    public static ComplianceReport Of(RunRecord run, IReadOnlyList<CellResult> history, RunManifest files)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(files);
        return new ComplianceReport
        {
            Info = run.Info,
            Sections =
            [
                new("subject", "Subject", "", ["Fact", "Value"], Subject(run)),
                new("artifacts", "Artifacts", "Every artifact that was measured, by hash, with the source and the tool it was made with.",
                    ["Model and variant", .. s_artifactFacts.Select(f => f.Title)],
                    Facts(run, c => $"{c.Cell.Model} {c.Cell.Variant.Id}", s_artifactFacts)),
                new("inputs", "Evaluation inputs",
                    "What decided the figures besides the artifact; figures whose inputs differ are never compared.",
                    ["Workload and backend", .. s_inputFacts.Select(f => f.Title)],
                    Facts(run, c => $"{c.Cell.Workload} on {c.Cell.Backend}", s_inputFacts)),
                new("environment", "Environment", "The machine and software as they were read when the run started.",
                    ["Fact", "Value"],
                    [.. RunReport.FingerprintOf(run.Info.Fingerprint).Select(f => ImmutableArray.Create(f.Name, f.Value))]),
                new("trail", "Audit trail",
                    "Every recorded result in the order it was recorded. A result that a later one of the same cell replaced is marked; "
                        + "nothing is removed.",
                    ["Started (UTC)", "Seconds", "Cell", "Cell id", "Outcome"], Trail(history)),
                new("files", "Files",
                    $"SHA-256 of the files that hold the evidence; {RunManifest.FileName} beside this report has the same sums in the form "
                        + $"that sha256sum --check reads.",
                    ["File", "SHA-256"], [.. files.Files.Select(f => ImmutableArray.Create(f.Key, f.Value))]),
            ],
        };
    }

    /// <summary>The report as GitHub-flavoured Markdown.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Compliance record: {MarkdownTable.Escape(Info.Suite)} {Info.Id}\n\n");
        foreach (ComplianceSection section in Sections)
        {
            text.Append(CultureInfo.InvariantCulture, $"## {section.Title}\n\n");
            if (section.Note.Length > 0) text.Append(MarkdownTable.Escape(section.Note)).Append("\n\n");
            Row(section.Head);
            Row([.. section.Head.Select(_ => "---")]);
            foreach (ImmutableArray<string> row in section.Rows) Row([.. row.Select(MarkdownTable.Escape)]);
            text.Append('\n');
        }

        text.Append("## Signature\n\n").Append(SignatureNote)
            .Append("\n\nName: ____________________  Date: ____________  Signature: ____________________\n");
        return text.ToString();

        void Row(ImmutableArray<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    /// <summary>The report as one HTML file that asks for nothing else.</summary>
    public string ToHtml() => Write(
        $"Compliance record {Info.Suite} {Info.Id}",
        "subject",
        [
            new XElement("p", new XAttribute("class", "kicker"), "QuantBench compliance record"),
            new XElement("h1", Info.Suite, " ", new XElement("span", new XAttribute("class", "id"), Info.Id)),
        ],
        [
            .. Sections.Select(s =>
                Section(s.Id, s.Title, s.Note.Length > 0 ? new XElement("p", s.Note) : null,
                    DataTable($"{s.Title}: table", s.Head, s.Rows.Select(r => r.ToArray())))),
            Section("signature", "Signature", new XElement("p", SignatureNote),
                new XElement("p", "Name: ____________________ Date: ____________ Signature: ____________________")),
        ],
        $"Made by QuantBench {Info.Fingerprint.QuantBench}.");

    private const string SignatureNote =
        $"Sign {RunManifest.FileName}: it has the SHA-256 of every file above and of this record, e.g. with gpg --detach-sign "
            + $"{RunManifest.FileName}; check the files with sha256sum --check {RunManifest.FileName}.";

    private static ImmutableArray<ImmutableArray<string>> Subject(RunRecord run)
    {
        RunInfo info = run.Info;
        string[] counts = [.. run.Cells.GroupBy(c => c.Status).OrderBy(g => g.Key).Select(g => $"{g.Count()} {RunReport.Word(g.Key)}")];
        return
        [
            ["Run", info.Id],
            ["Suite", info.Suite],
            ["Suite SHA-256", info.SuiteSha256],
            ["Started", Time(info.Started)],
            ["Finished", info.Finished is { } end ? Time(end) : "not finished"],
            ["Status", info.Status.ToString().ToLowerInvariant()],
            ["Cells", $"{info.CellCount} in the suite; {(counts.Length > 0 ? string.Join(", ", counts) : "none recorded")}"],
            ["Narrowed to", info.Only.IsDefaultOrEmpty ? "nothing: the whole suite" : string.Join(", ", info.Only)],
            ["QuantBench",
                info.Fingerprint.GitCommit is { } commit ? $"{info.Fingerprint.QuantBench}, commit {commit}" : info.Fingerprint.QuantBench],
        ];
    }

    private static ImmutableArray<ImmutableArray<string>> Facts(RunRecord run, Func<CellResult, string> group,
        ImmutableArray<(string Key, string Title)> facts) =>
    [
        .. run.Cells.Where(c => !c.Provenance.IsEmpty).GroupBy(group).Select(g => (ImmutableArray<string>)
        [
            g.Key,
            .. facts.Select(f =>
                g.Select(c => c.Provenance.GetValueOrDefault(f.Key)).Where(v => !string.IsNullOrEmpty(v)).Distinct()
                    .ToArray() is { Length: > 0 } values
                ? string.Join("; ", values)
                : "not recorded"),
        ]),
    ];

    private static ImmutableArray<ImmutableArray<string>> Trail(IReadOnlyList<CellResult> history)
    {
        Dictionary<CellId, int> last = [];
        for (int i = 0; i < history.Count; i++) last[history[i].Cell.Id] = i;
        return
        [
            .. history.Select((c, i) => (ImmutableArray<string>)
            [
                Time(c.Started),
                c.Seconds.ToString("0.0", CultureInfo.InvariantCulture),
                c.Cell.Title,
                c.Cell.Id.ToString(),
                $"{RunReport.Word(c.Status)}{(c.Reason is null ? "" : $": {c.Reason}")}{(last[c.Cell.Id] == i ? "" : " (replaced by a "
                    + "later result)")}",
            ]),
        ];
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
