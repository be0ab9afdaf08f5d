using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Engines.OnnxRuntime.Native;
using QuantBench.Engines.OnnxRuntime.Providers;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>Any ONNX model, tensors in and tensors out. Inputs are bound once and stay; ONNX Runtime makes the outputs at the first run and
/// fills them again at the next.</summary>
internal sealed class OrtTensorModel : ITensorModel, IEngineReport
{
    private readonly string _path;
    private readonly ProviderDevice _device;
    private readonly OrtSettings _settings;
    private readonly InferenceSession _session;
    private readonly OrtMemory _memory;
    private readonly ImmutableArray<PlacedOperator> _placement;
    private readonly OrtIoBinding _binding;
    private readonly Stopper _stopper = new();
    private readonly Dictionary<string, OrtValue> _inputs = new(StringComparer.Ordinal);

    public OrtTensorModel(Artifact artifact, ProviderDevice device, OrtSettings settings, OrtFunctions api)
    {
        _path = OnnxModelFile.Find(artifact.Path);
        (_device, _settings) = (device, settings with { DequantizedProducts = OnnxModelCheck.Check(_path) });
        _session = _settings.Open(_path);
        try
        {
            _memory = new OrtMemory(_session, api, Path.GetDirectoryName(Path.GetFullPath(_path)) ?? "");
            _placement = api.Placement(_session);
            Inputs = [.. _session.InputNames.Select(n => Port(n, _session.InputMetadata[n]))];
            _binding = _session.CreateIoBinding();
            BindOutputs();
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<TensorPort> Inputs { get; }

    /// <inheritdoc/>
    public string DeviceUsed =>
        _device.IsCpu || _placement.IsEmpty || _placement.Any(p => p.Provider == _device.Provider) ? _device.Id : "cpu";

    /// <inheritdoc/>
    public EngineMemory Memory =>
        new(_memory.WeightsBytes, 0, _memory.ComputeBytes + _inputs.Values.Sum(v => v.GetTensorSizeInBytes()), null);

    /// <inheritdoc/>
    public ImmutableSortedDictionary<string, string> Facts => _settings.Facts().SetItems(_memory.Facts());

    /// <inheritdoc/>
    public void SetInput(string name, TensorValue tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        TensorPort port = Inputs.FirstOrDefault(i => i.Name == name)
            ?? throw new RequestException($"{_path} has no input '{name}'.",
                $"Its inputs: {string.Join(", ", Inputs.Select(i => i.Name))}.");
        if (TypeOf(port.Type) is not { } type)
            throw new UnsupportedException(_path, $"the input '{name}' is of type {port.Type}, which can't be given here.");
        if (port.Type != tensor.Type) throw new RequestException($"the input '{name}' takes {port.Type}, not {tensor.Type}.");
        bool fits = port.Dimensions.Length == tensor.Shape.Length
            && port.Dimensions.Zip(tensor.Shape).All(d => d.First.Size is not { } size || size == d.Second);
        if (!fits)
            throw new RequestException(
                $"the input '{name}' takes [{string.Join(", ", port.Dimensions.Select(d => d.Size?.ToString() ?? d.Symbol))}], not "
                    + $"[{string.Join(", ", tensor.Shape)}].");
        OrtValue value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, [.. tensor.Shape]);
        Span<byte> data = value.GetTensorMutableRawData();
        if (data.Length != tensor.Data.Length)
        {
            value.Dispose();
            throw new RequestException(
                $"the input '{name}' of [{string.Join(", ", tensor.Shape)}] needs {data.Length} bytes, not {tensor.Data.Length}.");
        }

        tensor.Data.Span.CopyTo(data);
        if (_inputs.Remove(name, out OrtValue? before)) before.Dispose();
        _inputs[name] = value;
        _binding.BindInput(name, value);
        // Outputs of the run before would be taken for those of the next, and their shapes may no longer fit.
        _binding.ClearBoundOutputs();
        BindOutputs();
    }

    /// <inheritdoc/>
    public void Run(CancellationToken cancellationToken)
    {
        if (Inputs.FirstOrDefault(i => !_inputs.ContainsKey(i.Name)) is { } missing)
            throw new RequestException($"the input '{missing.Name}' was given no value.");
        _stopper.Watch(cancellationToken);
        try
        {
            _session.RunWithBinding(_stopper.Options, _binding);
        }
        catch (OnnxRuntimeException e)
        {
            throw _stopper.Translate(e);
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<TensorOutput> Outputs()
    {
        using IDisposableReadOnlyCollection<OrtValue> values = _binding.GetOutputValues();
        var outputs = ImmutableArray.CreateBuilder<TensorOutput>();
        for (int i = 0; i < values.Count; i++)
        {
            if (!values[i].IsTensor || Floats(values[i]) is not { } floats) continue;
            outputs.Add(new TensorOutput(_session.OutputNames[i], [.. values[i].GetTensorTypeAndShape().Shape], floats));
        }

        return outputs.ToImmutable();
    }

    /// <inheritdoc/>
    public ImmutableArray<string> Finish()
    {
        ImmutableArray<string> notes = [.. _settings.Notes, .. OliveOutputNotes()];
        if (!_settings.Profile) return notes;
        string profile = _session.EndProfiling();
        return [.. notes, $"profiled: the figures include ONNX Runtime's profiler; its file is {Path.GetFileName(profile)}",
            OrtProfile.Read(profile).Summary()];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _binding.Dispose();
        foreach (OrtValue value in _inputs.Values) value.Dispose();
        _inputs.Clear();
        _stopper.Dispose();
        _session.Dispose();
    }

    private void BindOutputs()
    {
        foreach (string output in _session.OutputNames) _binding.BindOutputToDevice(output, OrtMemoryInfo.DefaultInstance);
    }

    private ImmutableArray<string> OliveOutputNotes() => Imports.OliveOutput.Notes(Path.GetDirectoryName(Path.GetFullPath(_path)) ?? "");

    private static TensorPort Port(string name, NodeMetadata data)
    {
        if (!data.IsTensor) return new TensorPort(name, data.OnnxValueType.ToString().ToLowerInvariant(), []);
        ImmutableArray<TensorDimension> dimensions =
            [.. data.Dimensions.Select((size, i) =>
                size >= 0 ? new TensorDimension(size, "") : new TensorDimension(null, data.SymbolicDimensions[i]))];
        return new TensorPort(name, NameOf(data.ElementDataType), dimensions);
    }

    private static string NameOf(TensorElementType type) => type switch
    {
        TensorElementType.Float => "float32",
        TensorElementType.Double => "float64",
        _ => type.ToString().ToLowerInvariant(),
    };

    private static TensorElementType? TypeOf(string name) => name switch
    {
        "float32" => TensorElementType.Float,
        "float64" => TensorElementType.Double,
        "float16" => TensorElementType.Float16,
        "int64" => TensorElementType.Int64,
        "int32" => TensorElementType.Int32,
        "int16" => TensorElementType.Int16,
        "int8" => TensorElementType.Int8,
        "uint8" => TensorElementType.UInt8,
        "bool" => TensorElementType.Bool,
        _ => null,
    };

    private static float[]? Floats(OrtValue value)
    {
        ReadOnlySpan<byte> data = value.GetTensorMutableRawData();
        switch (value.GetTensorTypeAndShape().ElementDataType)
        {
            case TensorElementType.Float: return MemoryMarshal.Cast<byte, float>(data).ToArray();
            case TensorElementType.Float16: return Convert<Half>(data);
            case TensorElementType.Double: return Convert<double>(data);
            case TensorElementType.Int64: return Convert<long>(data);
            case TensorElementType.Int32: return Convert<int>(data);
            case TensorElementType.Int8: return Convert<sbyte>(data);
            case TensorElementType.UInt8 or TensorElementType.Bool: return Convert<byte>(data);
            default: return null;
        }
    }

    private static float[] Convert<T>(ReadOnlySpan<byte> data) where T : unmanaged, System.Numerics.INumberBase<T>
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(data);
        float[] to = new float[from.Length];
        TensorPrimitives.ConvertTruncating(from, to);
        return to;
    }
}
