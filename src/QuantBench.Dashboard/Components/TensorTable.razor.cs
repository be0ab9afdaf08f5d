using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Models.Inspection;

namespace QuantBench.Dashboard.Components;

/// <summary>What an artifact's files hold.</summary>
public sealed partial class TensorTable
{
    private string _title = "";
    private string _note = "";

    /// <summary>The artifact.</summary>
    [Parameter, EditorRequired]
    public ModelInspection Model { get; set; } = null!; // set by whoever shows it

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        _title = $"Tensors of {Model.Claim ?? Path.GetFileName(Model.Path)}";
        _note = $"{Format.Fixed(Model.BitsPerWeight, 2)} bits per weight in all"
            + (Model.LayerBits is { } bits ? $", {Format.Fixed(bits, 2)} in the layers" : "")
            + (Model.Deviations.IsEmpty ? "" : "; what deviates from its name is said below");
    }
}
