using Xunit;
using Xunit.Sdk;

namespace QuantBench.TestKit.Databases;

/// <summary>
/// A test of a contract that each database system keeps: written once in an abstract class, run by a class per system. In classes whose
/// name begins with <c>Postgres</c> it is skipped where <see cref="PostgresServer.Missing"/> says why.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("QuantBench.TestKit.Databases.ProviderFactDiscoverer", "QuantBench.TestKit")]
public sealed class ProviderFactAttribute : FactAttribute;
