using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Layout;

/// <summary>The frame around every page: rail or menu, skip link, who is logged in.</summary>
public sealed partial class MainLayout
{
    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    [Inject]
    private TimeProvider Clock { get; set; } = null!;

    [Inject]
    private DashboardOptions Options { get; set; } = null!;

    // With a base address a bare fragment would lead to the start page.
    private string SkipTo => new Uri(Navigation.Uri).PathAndQuery + "#main";

    private string Here => NavList.NameOf(new Uri(Navigation.Uri).AbsolutePath);

    // On paper a page says where it is from and how old it is.
    private string Printed => Words.Full(Clock.GetUtcNow());

    // Whose machine and which database it is, is for those who may read.
    private string Place => $"{Environment.MachineName}, {(Options.Lab.Store.IsDefault ? "local store" : $"{Options.Lab.Store} store")}";

    private string Access => Options.ReadingNeedsLogin ? "not logged in." : "read-only, no login.";
}
