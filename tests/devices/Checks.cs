using QuantBench.Engines.Ilgpu.Graph;

namespace QuantBench.DeviceCheck;

/// <summary>All correctness checks of a device, by name: products of each format, then the kernels between them.</summary>
internal static class Checks
{
    /// <summary>Each throws <see cref="CheckFailedException"/> at the first difference and returns the number of results
    /// compared.</summary>
    public static IReadOnlyDictionary<string, Func<TestDevice, long>> All { get; } =
        DeviceFormats.All.OrderBy(format => format.Key)
            .Select(format =>
                KeyValuePair.Create(format.Value.Name, (Func<TestDevice, long>)(device => ProductChecks.Run(device, format.Key))))
            .Append(KeyValuePair.Create("MLX", (Func<TestDevice, long>)MlxChecks.Run))
            .Append(KeyValuePair.Create("GPTQ/AWQ", (Func<TestDevice, long>)GroupedChecks.Run))
            .Concat(GraphChecks.All)
            .ToDictionary();
}
