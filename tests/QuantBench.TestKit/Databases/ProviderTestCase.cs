using System.ComponentModel;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace QuantBench.TestKit.Databases;

/// <summary>A test of one system: the test's class says which.</summary>
public sealed class ProviderTestCase : XunitTestCase
{
    [EditorBrowsable(EditorBrowsableState.Never)]
    [Obsolete("Called by the runner when it reads a case back.")]
    public ProviderTestCase()
    {
    }

    public ProviderTestCase(IMessageSink messages, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(messages, display, options, method)
    {
    }

    protected override string GetSkipReason(IAttributeInfo factAttribute) =>
        TestMethod.TestClass.Class.Name.Split('.')[^1].StartsWith("Postgres", StringComparison.Ordinal) && PostgresServer.Missing is { } why
            ? why : base.GetSkipReason(factAttribute);
}
