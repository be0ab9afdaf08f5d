using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Suites;

/// <summary>Reference answers that cells compare with; computed once, before them.</summary>
public sealed record ReferenceNeed
{
    private const string Attention = "flash_attention", AsChosen = "auto";

    private ReferenceNeed(string model, Variant reference, BackendId backend, CellSettings settings)
    {
        (Model, Reference, Backend, Settings) = (model, reference, backend, settings);
        string identity = string.Join('\n', "reference-v1", model, reference.Id, backend.ToString(), settings.ToString());
        Key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..16];
    }

    /// <summary>Stable hash of the other members: 16 lower-case hex digits.</summary>
    public string Key { get; }

    /// <summary>Id of the model in the suite.</summary>
    public string Model { get; }

    /// <summary>The variant that counts as exact; it needn't be one of the suite's variants.</summary>
    public Variant Reference { get; }

    /// <summary>Engine and device it is run on: the cells' own unless they name another.</summary>
    public BackendId Backend { get; }

    /// <summary>The cells' settings without <c>reference</c>.</summary>
    public CellSettings Settings { get; }

    /// <summary>Evaluation text.</summary>
    public string Dataset => Settings.Text("dataset");

    /// <summary>Chunk length in tokens.</summary>
    public int ContextLength => (int)Settings.Int("n_ctx");

    /// <summary>Chunks to score; 0 = the whole text.</summary>
    public int Chunks => (int)Settings.Int("chunks");

    /// <summary>What a cell needs; null when its workload compares with none.</summary>
    /// <param name="cell">A cell of <see cref="Matrix.Expand"/>.</param>
    public static ReferenceNeed? Of(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return WorkloadTable.Of(cell).NeedsReference
            ? new ReferenceNeed(cell.Model, Variant.Parse(cell.Settings.Text("reference")), BackendOf(cell), SettingsOf(cell))
            : null;
    }

    /// <summary>Engine and device that a cell's reference is run on.</summary>
    /// <param name="cell">A cell whose workload compares with a reference.</param>
    public static BackendId BackendOf(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell.Settings.Has("reference_backend") && BackendId.TryParse(cell.Settings.Text("reference_backend"), out BackendId named)
            ? named : cell.Backend;
    }

    /// <summary>What a cell's reference is computed with: its settings without those that name the reference.</summary>
    /// <param name="cell">A cell whose workload compares with a reference.</param>
    public static CellSettings SettingsOf(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return RunSettingsOf(cell).Without("reference").Without("reference_backend").Without("divergences");
    }

    /// <summary>The settings that a cell's reference is run with: the cell's, but a cache that keeps what the model computes, and attention
    /// as the engine chooses. Against a cache rounded like the cell's own the damage of rounding it would cancel.</summary>
    /// <param name="cell">A cell whose workload compares with a reference.</param>
    public static CellSettings RunSettingsOf(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        CellSettings settings = KvTypes.Unrounded(cell.Settings);
        return settings.Text(Attention) == AsChosen ? settings : settings.With(Attention, AsChosen);
    }

    /// <summary>What of a cell's own settings its reference is not run with, as protocol ids say it; empty when nothing.</summary>
    /// <param name="cell">A cell whose workload compares with a reference.</param>
    public static string Unlike(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return (KvTypes.AreRounded(cell.Settings) ? ";reference_kv=f16" : "")
            + (cell.Settings.Text(Attention) == AsChosen ? "" : $";reference_{Attention}={AsChosen}");
    }
}
