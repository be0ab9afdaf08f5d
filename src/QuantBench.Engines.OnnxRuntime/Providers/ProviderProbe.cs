using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Native;
using QuantBench.Inference.Engines;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Providers;

/// <summary>
/// Finds the devices of an ONNX Runtime library: providers compiled into it, and those of provider libraries the user registered. A device
/// counts as usable only after a small graph ran on it, since a provider may be compiled in without its driver being there.
/// </summary>
internal sealed class ProviderProbe
{
    private const int MostIndices = 16;

    private readonly OrtLibrary _library;
    private readonly ImmutableArray<(string Id, OrtEpDevice Device)> _plugins;
    private readonly ImmutableArray<string> _pluginProblems;

    /// <summary>Registers the provider libraries that the user named.</summary>
    /// <param name="library">The library.</param>
    /// <param name="environment">Names them.</param>
    public ProviderProbe(OrtLibrary library, EngineEnvironment environment)
    {
        _library = library;
        var problems = ImmutableArray.CreateBuilder<string>();
        var names = new List<string>();
        foreach ((string key, string path) in environment.NativeDirectories)
        {
            if (!key.StartsWith(OrtLibrary.PluginPrefix, StringComparison.Ordinal)) continue;
            string name = key[OrtLibrary.PluginPrefix.Length..];
            try
            {
                if (!File.Exists(path)) throw new EngineException($"there is no file {path}");
                OrtEnv.Instance().RegisterExecutionProviderLibrary(name, path);
                names.Add(name);
            }
            catch (Exception e) when (e is OnnxRuntimeException or EngineException)
            {
                problems.Add($"{name}: its provider library can't be registered: {OrtErrors.FirstLine(e)}");
            }
        }

        _pluginProblems = problems.ToImmutable();
        _plugins = names.Count == 0 ? [] : PluginDevices();
    }

    /// <summary>Every device, usable or not.</summary>
    public ImmutableArray<ProviderDevice> All()
    {
        string[] compiled = OrtEnv.Instance().GetAvailableProviders();
        var devices = ImmutableArray.CreateBuilder<ProviderDevice>();
        foreach (ExecutionProvider provider in ExecutionProvider.All)
        {
            if (!compiled.Contains(provider.Name))
            {
                if (_plugins.All(p => ExecutionProvider.Split(p.Id).Id != provider.Id)) devices.Add(Absent(provider));
                continue;
            }

            for (int index = 0; index < (provider.Indexed ? MostIndices : 1); index++)
            {
                ProviderDevice device = Compiled(provider, index, _library.Path);
                if (index > 0 && !device.Support.IsSupported) break;
                devices.Add(device);
                if (!device.Support.IsSupported) break;
            }
        }

        foreach ((string id, OrtEpDevice device) in _plugins) devices.Add(Plugin(id, device));
        foreach (string problem in _pluginProblems)
        {
            string id = problem[..problem.IndexOf(':', StringComparison.Ordinal)];
            devices.Add(new ProviderDevice(id, id, "provider library", Support.No($"onnxruntime/{problem}"), null));
        }

        return devices.ToImmutable();
    }

    /// <summary>One device; asks nothing of the others.</summary>
    /// <param name="id">Device id.</param>
    public ProviderDevice Find(string id)
    {
        if (_plugins.FirstOrDefault(p => p.Id == id) is { Device: { } plugin }) return Plugin(id, plugin);
        (string name, int index) = ExecutionProvider.Split(id);
        ExecutionProvider? provider = ExecutionProvider.All.FirstOrDefault(p => p.Id == name);
        if (provider is null || index < 0 || (!provider.Indexed && id != name))
        {
            string known =
                string.Join(", ", ExecutionProvider.All.Select(p => p.Indexed ? $"{p.Id}:0" : p.Id).Concat(_plugins.Select(p => p.Id)));
            return new ProviderDevice(id, "", "", Support.No($"onnxruntime: there is no device '{id}'; {known} are known"), null);
        }

        return OrtEnv.Instance().GetAvailableProviders().Contains(provider.Name) ? Compiled(provider, index, _library.Path)
            : Absent(provider) with { Id = id };
    }

    private ProviderDevice Absent(ExecutionProvider provider) => new(
        provider.Indexed ? $"{provider.Id}:0" : provider.Id,
        provider.Name,
        provider.Description,
        Support.No(
            $"this build of ONNX Runtime ({_library.Path ?? "the one that comes with the program"}) has no {provider.Name}; name "
                + $"{provider.Source} with --ort-library"),
        null);

    /// <summary>A provider of the build itself, tried.</summary>
    internal static ProviderDevice Compiled(ExecutionProvider provider, int index, string? named = null)
    {
        string id = provider.Indexed ? $"{provider.Id}:{index}" : provider.Id;
        void Append(OrtOptions options) => provider.Append(options, index);
        return new ProviderDevice(id, provider.Name, provider.Description,
            provider.Id == "cpu" ? Support.Yes : Try(id, Append, () => OrtErrors.LoadFault(named, provider.Id)), Append);
    }

    private static ProviderDevice Plugin(string id, OrtEpDevice device)
    {
        void Append(OrtOptions options) => options.AppendExecutionProvider(OrtEnv.Instance(), [device], new Dictionary<string, string>());
        return new ProviderDevice(id, device.EpName,
            $"{device.EpVendor} {device.EpName} on {device.HardwareDevice.Type} {device.HardwareDevice.Vendor}".Trim(), Try(id, Append),
            Append);
    }

    private static ImmutableArray<(string Id, OrtEpDevice Device)> PluginDevices()
    {
        var devices = ImmutableArray.CreateBuilder<(string, OrtEpDevice)>();
        foreach (IGrouping<string, OrtEpDevice> provider in OrtEnv.Instance().GetEpDevices().Where(d => d.EpName != "CPUExecutionProvider")
            .GroupBy(d => d.EpName))
        {
            ExecutionProvider? known = ExecutionProvider.All.FirstOrDefault(p => p.Name == provider.Key);
            string name = known?.Id ?? provider.Key.Replace("ExecutionProvider", "", StringComparison.Ordinal).ToLowerInvariant();
            int index = 0;
            foreach (OrtEpDevice device in provider) devices.Add(($"{name}:{index++}", device));
        }

        return devices.ToImmutable();
    }

    /// <summary>Runs y = x + x with the provider in front.</summary>
    private static Support Try(string id, Action<OrtOptions> append, Func<string?>? cause = null)
    {
        try
        {
            using var options = new OrtOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            append(options);
            using var session = new InferenceSession(DoublingModel(), options);
            using OrtValue x = OrtValue.CreateTensorValueFromMemory(new float[] { 1, 2, 3, 4 }, [4]);
            using var run = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, ["x"], [x], ["y"]);
            return outputs[0].GetTensorDataAsSpan<float>()[3] == 8 ? Support.Yes
                : Support.No($"onnxruntime/{id}: a test graph gave a wrong result");
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException or NotSupportedException or DllNotFoundException)
        {
            return Support.No($"onnxruntime/{id}: {cause?.Invoke() ?? OrtErrors.FirstLine(e)}");
        }
    }

    // An ONNX file by hand, field by field, so that probing needs no file: y[4] = x[4] + x[4].
    private static byte[] DoublingModel() =>
    [
        0x08, 0x08, // ir_version 8
        0x3A, 0x35, // graph, 53 bytes
        // node: inputs, output, op_type
        0x0A, 0x0E, 0x0A, 0x01, (byte)'x', 0x0A, 0x01, (byte)'x', 0x12, 0x01, (byte)'y', 0x22, 0x03, (byte)'A', (byte)'d', (byte)'d',
        0x12, 0x01, (byte)'g', // name
        0x5A, 0x0F, 0x0A, 0x01, (byte)'x', .. FourFloats, // input
        0x62, 0x0F, 0x0A, 0x01, (byte)'y', .. FourFloats, // output
        0x42, 0x02, 0x10, 0x11, // opset_import: version 17 of ONNX's own operators
    ];

    // type { tensor_type { elem_type: FLOAT, shape { dim { dim_value: 4 } } } }
    private static ReadOnlySpan<byte> FourFloats => [0x12, 0x0A, 0x0A, 0x08, 0x08, 0x01, 0x12, 0x04, 0x0A, 0x02, 0x08, 0x04];
}
