using System.Collections.Immutable;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Native;
using QuantBench.Engines.OnnxRuntime.Providers;
using QuantBench.Inference.Engines;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>The session options of a cell: what its settings say, and what is recorded of them.</summary>
internal sealed record OrtSettings
{
    /// <summary>Prefix of profile files.</summary>
    public const string ProfilePrefix = "onnxruntime_profile";

    private const string AccuracyKey = "session.qdq_matmulnbits_accuracy_level";

    // The operator's accuracy_level, by its number.
    private static readonly ImmutableArray<string> s_accuracies = ["auto", "fp32", "fp16", "bf16", "int8"];

    private OrtSettings(LoadOptions load, ProviderDevice device, ImmutableArray<(string Key, string Value)> config) =>
        (Load, Device, Config) = (load, device, config);

    /// <summary>Whether the profile is kept.</summary>
    public bool Profile => Load.Settings.Flag(OrtSettingTable.Profile) && Load.OutputFolder is not null;

    /// <summary>Whether CPU memory comes from the arena.</summary>
    public bool Arena => Load.Settings.Flag(OrtSettingTable.Arena);

    private LoadOptions Load { get; }

    private ProviderDevice Device { get; }

    private ImmutableArray<(string Key, string Value)> Config { get; }

    private bool Spins =>
        Load.Settings.Text(OrtSettingTable.Spinning) switch { "on" => true, "off" => false, _ => !Load.CallerComputesBetweenRuns };

    /// <summary>Reads the settings.</summary>
    /// <exception cref="RequestException">An entry of <c>ort_config</c> isn't <c>key=value</c>.</exception>
    public static OrtSettings Of(LoadOptions load, ProviderDevice device) =>
        new(load, device, ReadConfig(load.Settings.Text(OrtSettingTable.Config)));

    /// <summary>Products of floats with stored, dequantized weights in the file; null when that isn't known.</summary>
    public int? DequantizedProducts { get; init; }

    /// <summary>Marks on the cell, one sentence each.</summary>
    public ImmutableArray<string> Notes => FusedAccuracy is { } accuracy && DequantizedProducts > 0 && accuracy == "int8"
        ? [$"ONNX Runtime fuses {DequantizedProducts} products of dequantized weights and rounds their activations to 8 bits; "
            + "ort_accuracy: fp32 keeps those in floats"]
        : [];

    // Fusing begins with the extended optimisations, and is the CPU provider's.
    private string? FusedAccuracy => !Device.IsCpu || Load.Settings.Text(OrtSettingTable.Optimization) is "none" or "basic" ? null
        : Config.LastOrDefault(c => c.Key == AccuracyKey).Value is { } given
            ? int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out int level) && level > 0
                && level < s_accuracies.Length ? s_accuracies[level] : $"level {given}"
            : Load.Settings.Text(OrtSettingTable.Accuracy) is var set && set == "auto" ? "int8" : set;

    /// <summary>What was in effect, for the record.</summary>
    public ImmutableSortedDictionary<string, string> Facts()
    {
        var facts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        facts["ort_provider"] = Device.Provider;
        facts["ort_optimization"] = Load.Settings.Text(OrtSettingTable.Optimization);
        facts["ort_spinning"] = Spins ? "on" : "off";
        facts["ort_arena"] = Arena ? "on" : "off";
        facts["ort_intra_op_threads"] = Load.Threads.ToString(CultureInfo.InvariantCulture);
        if (DequantizedProducts is not 0 && FusedAccuracy is { } accuracy)
        {
            facts["ort_accuracy"] = accuracy;
            if (DequantizedProducts is { } products) facts["ort_fused_products"] = products.ToString(CultureInfo.InvariantCulture);
        }

        if (Config.Length > 0) facts["ort_config"] = string.Join(';', Config.Select(c => $"{c.Key}={c.Value}"));
        return facts.ToImmutable();
    }

    /// <summary>Makes a session.</summary>
    /// <param name="path">The model file.</param>
    /// <exception cref="ModelFormatException">ONNX Runtime can't load the file.</exception>
    /// <exception cref="EngineException">The provider refused.</exception>
    public InferenceSession Open(string path)
    {
        using OrtOptions options = Make();
        try
        {
            return new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw OrtErrors.Load(path, e);
        }
    }

    private OrtOptions Make()
    {
        var options = new OrtOptions
        {
            IntraOpNumThreads = Load.Threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = Load.Settings.Text(OrtSettingTable.Optimization) switch
            {
                "none" => GraphOptimizationLevel.ORT_DISABLE_ALL,
                "basic" => GraphOptimizationLevel.ORT_ENABLE_BASIC,
                "extended" => GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
                _ => GraphOptimizationLevel.ORT_ENABLE_ALL,
            },
            EnableCpuMemArena = Arena,
            // Shapes change from run to run, and a pattern that doesn't fit only costs memory.
            EnableMemoryPattern = false,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        try
        {
            options.AddSessionConfigEntry("session.intra_op.allow_spinning", Spins ? "1" : "0");
            options.AddSessionConfigEntry("session.record_ep_graph_assignment_info", "1");
            int accuracy = s_accuracies.IndexOf(Load.Settings.Text(OrtSettingTable.Accuracy));
            if (accuracy > 0) options.AddSessionConfigEntry(AccuracyKey, accuracy.ToString(CultureInfo.InvariantCulture));
            foreach ((string key, string value) in Config) options.AddSessionConfigEntry(key, value);
            if (Profile && Load.OutputFolder is { } folder)
            {
                Directory.CreateDirectory(folder);
                options.ProfileOutputPathPrefix = Path.Combine(folder, ProfilePrefix);
                options.EnableProfiling = true;
            }

            Device.Append?.Invoke(options);
            return options;
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException or NotSupportedException)
        {
            options.Dispose();
            throw new EngineException($"onnxruntime/{Device.Id}: {OrtErrors.FirstLine(e)}",
                "Check ort_config, and 'quantbench doctor' for the usable devices.", e);
        }
    }

    private static ImmutableArray<(string, string)> ReadConfig(string text)
    {
        var entries = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (string entry in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == entry.Length - 1)
            {
                throw new RequestException($"ort_config: '{entry}' isn't key=value.",
                    "Write entries as session.disable_prepacking=1, several with ';' between them.");
            }

            entries.Add((entry[..equals].Trim(), entry[(equals + 1)..].Trim()));
        }

        return entries.ToImmutable();
    }
}
