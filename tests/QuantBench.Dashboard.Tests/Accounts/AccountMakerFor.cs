using QuantBench.Dashboard.Accounts;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Tests.Accounts;

/// <summary>Accounts for one test alone.</summary>
internal static class AccountMakerFor
{
    public static Account Locked() => AccountMaker.Make("locked", DashboardFixture.Password, Role.Viewer, TimeProvider.System);
}
