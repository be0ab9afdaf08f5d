using Microsoft.AspNetCore.Identity;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>ASP.NET Core Identity's view of <see cref="AccountStore"/>.</summary>
internal sealed class AccountUserStore(AccountStore accounts)
    : IUserPasswordStore<Account>, IUserLockoutStore<Account>, IUserSecurityStampStore<Account>
{
    public Task<string> GetUserIdAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(user.Id);

    public Task<string?> GetUserNameAsync(Account user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.Name);

    public Task SetUserNameAsync(Account user, string? userName, CancellationToken cancellationToken) =>
        Do(() => user.Name = userName ?? "");

    public Task<string?> GetNormalizedUserNameAsync(Account user, CancellationToken cancellationToken) =>
        Task.FromResult<string?>(user.Normalized);

    public Task SetNormalizedUserNameAsync(Account user, string? normalizedName, CancellationToken cancellationToken) =>
        Do(() => user.Normalized = normalizedName ?? "");

    public Task<IdentityResult> CreateAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(
        accounts.Add(user) ? IdentityResult.Success
            : IdentityResult.Failed(new IdentityError { Code = "Taken", Description = $"There is an account '{user.Name}' already." }));

    public Task<IdentityResult> UpdateAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(
        accounts.Update(user) ? IdentityResult.Success
            : IdentityResult.Failed(new IdentityError { Code = "Gone", Description = "The account is gone." }));

    public Task<IdentityResult> DeleteAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(
        accounts.Remove(user.Id) ? IdentityResult.Success
            : IdentityResult.Failed(new IdentityError { Code = "LastAdmin", Description = "The last admin stays." }));

    public Task<Account?> FindByIdAsync(string userId, CancellationToken cancellationToken) => Task.FromResult(accounts.Find(userId));

    public Task<Account?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken) =>
        Task.FromResult(accounts.FindByName(normalizedUserName));

    public Task SetPasswordHashAsync(Account user, string? passwordHash, CancellationToken cancellationToken) =>
        Do(() => user.PasswordHash = passwordHash ?? "");

    public Task<string?> GetPasswordHashAsync(Account user, CancellationToken cancellationToken) =>
        Task.FromResult<string?>(user.PasswordHash);

    public Task<bool> HasPasswordAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(user.PasswordHash.Length > 0);

    public Task<DateTimeOffset?> GetLockoutEndDateAsync(Account user, CancellationToken cancellationToken) =>
        Task.FromResult(user.LockoutEnd);

    public Task SetLockoutEndDateAsync(Account user, DateTimeOffset? lockoutEnd, CancellationToken cancellationToken) =>
        Do(() => user.LockoutEnd = lockoutEnd);

    public Task<int> IncrementAccessFailedCountAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(++user.Failures);

    public Task ResetAccessFailedCountAsync(Account user, CancellationToken cancellationToken) => Do(() => user.Failures = 0);

    public Task<int> GetAccessFailedCountAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(user.Failures);

    public Task<bool> GetLockoutEnabledAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(true);

    public Task SetLockoutEnabledAsync(Account user, bool enabled, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SetSecurityStampAsync(Account user, string stamp, CancellationToken cancellationToken) => Do(() => user.Stamp = stamp);

    public Task<string?> GetSecurityStampAsync(Account user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.Stamp);

    public void Dispose()
    {
    }

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }
}
