using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Pages;

/// <summary>Theme for all; accounts, keys and the server's own facts for admins.</summary>
public sealed partial class Settings
{
    private ImmutableArray<Account> _accounts = [];
    private ImmutableArray<ApiKeyInfo> _keys = [];
    private string? _newKey;
    private string? _theme;
    private bool _decimal;

    /// <summary>What the last change came to.</summary>
    [SupplyParameterFromQuery(Name = "said")]
    public string? Said { get; set; }

    /// <summary>Ticket of a new key, good for one look.</summary>
    [SupplyParameterFromQuery(Name = "ticket")]
    public string? Ticket { get; set; }

    [Inject]
    private ServerSettings Server { get; set; } = null!;

    [Inject]
    private AccountStore Accounts { get; set; } = null!;

    [Inject]
    private ApiKeyStore Keys { get; set; } = null!;

    [Inject]
    private OneLook Looks { get; set; } = null!;

    [Inject]
    private SchedulerState Scheduler { get; set; } = null!;

    /// <inheritdoc/>
    protected override Task LoadAsync()
    {
        _theme = Http?.Request.Cookies[ThemeCookie.Name];
        _decimal = Http?.Request.Cookies[UnitsCookie.Name] == UnitsCookie.Decimal;
        if (!(Http?.User.IsInRole(Policies.Name(Role.Admin)) ?? false)) return Task.CompletedTask;
        _accounts = Accounts.List();
        _keys = Keys.List();
        _newKey = Ticket is null ? null : Looks.Take(Ticket);
        return Task.CompletedTask;
    }
}
