using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Plots;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Components;

/// <summary>A figure with its table and its files. Which of the two is shown is in the address.</summary>
public sealed partial class FigurePanel
{
    /// <summary>The figure.</summary>
    [Parameter]
    [EditorRequired]
    public PlotFigure Figure { get; set; } = null!;

    /// <summary>Address its files lie under; <c>.svg</c>, <c>.png</c> and <c>.csv</c> follow.</summary>
    [Parameter]
    [EditorRequired]
    public string Files { get; set; } = "";

    /// <summary>What, where, which run.</summary>
    [Parameter]
    public string Note { get; set; } = "";

    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    private string HeadId => Figure.Id + "-head";

    private string Shown => System.Web.HttpUtility.ParseQueryString(new Uri(Navigation.Uri).Query)["table"] ?? "";

    private bool AsTable => Shown.Split('.').Contains(Figure.Id);

    private string Toggle => Link.With(
        Navigation.Uri,
        ("table",
            AsTable ? string.Join('.', Shown.Split('.').Where(id => id != Figure.Id))
                : string.Join('.', Shown.Split('.', StringSplitOptions.RemoveEmptyEntries).Append(Figure.Id)))) + "#" + Figure.Id;

    // The SVG is our own: numbers, escaped words and colour roles.
    private MarkupString Picture => new(FigureSvg.ForPage(Figure.Svg));

    private MarkupString SlimPicture => new(FigureSvg.ForPage(Figure.SlimSvg));

    private string File(string kind)
    {
        int query = Files.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? $"{Files}.{kind}" : $"{Files[..query]}.{kind}{Files[query..]}";
    }
}
