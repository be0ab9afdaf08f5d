using Xunit.Abstractions;
using Xunit.Sdk;

namespace QuantBench.TestKit.Databases;

/// <summary>Finds tests marked with <see cref="ProviderFactAttribute"/>.</summary>
public sealed class ProviderFactDiscoverer(IMessageSink messages) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod,
        IAttributeInfo factAttribute) =>
        [new ProviderTestCase(messages, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(),
            testMethod)];
}
