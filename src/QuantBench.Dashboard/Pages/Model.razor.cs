using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>One model: its variants by size, and where each came from.</summary>
public sealed partial class Model
{
    private ImmutableArray<VariantItem> _variants = [];
    private ImmutableArray<Row> _rows = [];
    private string _lead = "";

    /// <summary>Model id.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    [Inject]
    private ModelQueries Queries { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _variants = await Queries.VariantsAsync(Id, Left);
        if (_variants.IsEmpty)
        {
            NotThere();
            return;
        }

        double largest = _variants.Max(v => v.Bytes ?? 0);
        _rows =
        [
            .. _variants.Select(v => new Row(
                v, ((v.Bytes ?? 0) / largest * 150).ToString("0.#", CultureInfo.InvariantCulture), Format.Bytes(v.Bytes ?? double.NaN),
                v.BitsPerWeight is { } bits ? Format.Fixed(bits, 2) : "unavailable", Words.Brief(v.Artifact?.Builder))),
        ];
        VariantItem small = _variants.MinBy(v => v.Bytes ?? double.MaxValue)!; // not empty
        VariantItem big = _variants.MaxBy(v => v.Bytes ?? 0)!; // not empty
        _lead = $"{_variants.Length} variants, from {Format.Bytes(small.Bytes ?? 0)} ({small.Variant.Id}) to "
            + $"{Format.Bytes(big.Bytes ?? 0)} ({big.Variant.Id}).";
    }

    private sealed record Row(VariantItem Item, string Width, string Size, string Bits, string? Builder);
}
