using System.Collections;
using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace QuantBench.Lab.Telemetry;

/// <summary>
/// Traces of what the lab does, for a collector that the operator names by OpenTelemetry's own variables; without one nothing is made and
/// nothing is sent.
/// </summary>
public static class Traces
{
    /// <summary>Name of the source.</summary>
    public const string SourceName = "QuantBench.Lab";

    /// <summary>The variables that name a collector.</summary>
    private static readonly string[] s_variables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    /// <summary>Makes spans.</summary>
    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>Whether a collector is named.</summary>
    public static bool IsOn => s_variables.Any(v => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(v)));

    /// <summary>OpenTelemetry's variables, for a host that reads no environment by itself.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Variables() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Select(v => KeyValuePair.Create((string)v.Key, (string?)v.Value)).Where(v => v.Key.StartsWith("OTEL_", StringComparison.Ordinal));

    /// <summary>What a process says of itself.</summary>
    /// <param name="resource">Receives it.</param>
    /// <param name="name">Its service, e.g. <c>quantbench-agent</c>.</param>
    /// <param name="version">Version of this program.</param>
    public static ResourceBuilder Describe(ResourceBuilder resource, string name, string version) =>
        resource.AddService(name, serviceVersion: version, autoGenerateServiceInstanceId: false,
            serviceInstanceId: Environment.MachineName);

    /// <summary>Begins to send the spans of a process that hosts nothing.</summary>
    /// <param name="name">Its service.</param>
    /// <param name="version">Version of this program.</param>
    /// <returns>Sends the rest when it is disposed; null when no collector is named.</returns>
    public static IDisposable? Start(string name, string version) => !IsOn ? null
        : Sdk.CreateTracerProviderBuilder().AddSource(SourceName).ConfigureResource(r => Describe(r, name, version)).AddOtlpExporter()
            .Build();
}
