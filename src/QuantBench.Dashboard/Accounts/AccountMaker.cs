using Microsoft.AspNetCore.Identity;
using QuantBench.Core.Errors;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>Makes accounts, the same on pages and on the command line.</summary>
public static class AccountMaker
{
    /// <summary>Shortest password; length instead of character classes, as NIST SP 800-63B advises.</summary>
    public const int ShortestPassword = 12;

    private const int LongestPassword = 256;
    private const int LongestName = 64;

    /// <summary>Makes an account; it isn't stored yet.</summary>
    /// <param name="name">The name it logs in with.</param>
    /// <param name="password">Its password.</param>
    /// <param name="role">What it may do.</param>
    /// <param name="clock">The one clock.</param>
    /// <exception cref="RequestException">The name or the password can't be one.</exception>
    public static Account Make(string name, string password, Role role, TimeProvider clock)
    {
        if (role == Role.Agent)
            throw new RequestException("an account can't be an agent.", "Agents have keys: quantbench keys add MACHINE --role agent");
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(password);
        ArgumentNullException.ThrowIfNull(clock);
        string trimmed = name.Trim();
        if (trimmed.Length is 0 or > LongestName || trimmed.Any(char.IsControl))
            throw new RequestException($"a name has 1 to {LongestName} characters.");
        var account = new Account { Name = trimmed, Normalized = Normalize(trimmed), Role = role, Created = clock.GetUtcNow() };
        SetPassword(account, password);
        return account;
    }

    /// <summary>Gives an account another password and ends its logins; it isn't stored yet.</summary>
    /// <param name="account">The account.</param>
    /// <param name="password">The new password.</param>
    /// <exception cref="RequestException">It can't be one.</exception>
    public static void SetPassword(Account account, string password)
    {
        ArgumentNullException.ThrowIfNull(account);
        ArgumentNullException.ThrowIfNull(password);
        if (password.Length is < ShortestPassword or > LongestPassword)
            throw new RequestException($"a password has {ShortestPassword} to {LongestPassword} characters.",
                "A sentence is easy to remember and long enough.");
        account.PasswordHash = new PasswordHasher<Account>().HashPassword(account, password);
        account.Stamp = Guid.NewGuid().ToString("N");
    }

    /// <summary>The spelling that names are looked up by.</summary>
    public static string Normalize(string name) => new UpperInvariantLookupNormalizer().NormalizeName(name) ?? "";
}
