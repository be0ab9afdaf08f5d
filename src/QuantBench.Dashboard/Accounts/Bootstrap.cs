using System.Security.Cryptography;
using System.Text;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>
/// How the first admin comes to be: while there is no account, a code that only the server's console shows opens the page that makes one.
/// </summary>
/// <param name="accounts">The accounts.</param>
internal sealed class Bootstrap(AccountStore accounts)
{
    /// <summary>The code of this start; 128 random bits.</summary>
    public string Code { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Whether the page is open.</summary>
    public bool IsOpen => !accounts.Any();

    /// <summary>Whether a code is the right one; takes the same time for any wrong one.</summary>
    public bool Fits(string? code) =>
        code is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(code.Trim()), Encoding.UTF8.GetBytes(Code));
}
