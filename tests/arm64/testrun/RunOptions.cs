using Xunit.Abstractions;

namespace QuantBench.TestRun;

/// <summary>xunit's options by name; it fills in its own defaults.</summary>
internal sealed class RunOptions : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
{
    private readonly Dictionary<string, object?> _values = [];

    // xunit asks for null as "not set"
    public TValue GetValue<TValue>(string name) => _values.TryGetValue(name, out object? value) && value is TValue typed ? typed : default!;

    public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
}
