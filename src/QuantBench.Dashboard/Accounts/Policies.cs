using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>Names of the authorization policies. Each endpoint and page has exactly one.</summary>
public static class Policies
{
    /// <summary>Look at results.</summary>
    public const string Read = "read";

    /// <summary>Start and cancel runs, edit notes and schedules; in the browser.</summary>
    public const string Operate = "operate";

    /// <summary>Manage accounts, keys, settings; read the audit log; in the browser.</summary>
    public const string Administer = "administer";

    /// <summary>Change one's own account; in the browser.</summary>
    public const string Own = "own-account";

    /// <summary>Change things over the API, with a key: a cookie isn't enough, so no other site's form can do it.</summary>
    public const string OperateByKey = "operate-by-key";

    /// <summary>Fetch jobs and send their results: keys of agents.</summary>
    public const string Work = "work";

    /// <summary>The role's name as claims hold it.</summary>
    public static string Name(Role role) => role.ToString().ToLowerInvariant();
}
