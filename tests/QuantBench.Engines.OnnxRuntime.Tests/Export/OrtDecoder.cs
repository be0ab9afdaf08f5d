using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBench.Formats.Onnx;
using OrtSessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>Runs an exported decoder with ONNX Runtime, one sequence at a time, and nothing of the product's own session code.</summary>
internal sealed class OrtDecoder : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OnnxModel _model;
    private readonly string[] _present;
    private OrtValue[] _past = [];

    /// <param name="directory">The model.</param>
    /// <param name="watched">Values inside the graph to look at; their outputs follow the model's own.</param>
    public OrtDecoder(string directory, params string[] watched)
    {
        _model = OnnxModel.Open(directory);
        using var options = new OrtSessionOptions { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (watched.Length == 0)
        {
            _session = new InferenceSession(_model.Path, options);
        }
        else
        {
            options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", directory);
            _session = new InferenceSession(_model.WithOutputs(watched.Select(w => new OnnxValue(w, OnnxDataType.Undefined, null))),
                options);
        }

        _present = [.. _session.OutputMetadata.Keys.Where(n => n.StartsWith("present.", StringComparison.Ordinal))];
        Reset();
    }

    /// <summary>What was written.</summary>
    public OnnxModel Model => _model;

    /// <summary>Values looked at in the last run, by name.</summary>
    public Dictionary<string, float[]> Watched { get; } = [];

    public void Reset()
    {
        foreach (OrtValue value in _past) value.Dispose();
        _past = [.. _present.Select(Empty)];
    }

    /// <summary>Appends tokens; gives the logits of each, one row after the other.</summary>
    public float[] Append(ReadOnlySpan<int> tokens)
    {
        long past = _past[0].GetTensorTypeAndShape().Shape[2];
        long[] ids = new long[tokens.Length];
        for (int i = 0; i < ids.Length; i++) ids[i] = tokens[i];
        long[] mask = new long[past + ids.Length];
        Array.Fill(mask, 1);
        using OrtValue idsValue = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]);
        using OrtValue maskValue = OrtValue.CreateTensorValueFromMemory(mask, [1, mask.Length]);
        var inputs = new Dictionary<string, OrtValue> { ["input_ids"] = idsValue, ["attention_mask"] = maskValue };
        for (int i = 0; i < _present.Length; i++)
            inputs[_present[i].Replace("present.", "past_key_values.", StringComparison.Ordinal)] = _past[i];
        using var run = new RunOptions();
        string[] names = [.. _session.OutputMetadata.Keys];
        using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(run, inputs, names);
        OrtValue[] next = new OrtValue[_present.Length];
        float[] logits = [];
        for (int i = 0; i < names.Length; i++)
        {
            int cache = Array.IndexOf(_present, names[i]);
            if (cache >= 0) next[cache] = Copy(outputs[i]);
            else if (names[i] == "logits") logits = Floats(outputs[i]);
            else Watched[names[i]] = Floats(outputs[i]);
        }

        foreach (OrtValue value in _past) value.Dispose();
        _past = next;
        return logits;
    }

    public void Dispose()
    {
        foreach (OrtValue value in _past) value.Dispose();
        _session.Dispose();
        _model.Dispose();
    }

    private static float[] Floats(OrtValue value) => value.GetTensorTypeAndShape().ElementDataType switch
    {
        TensorElementType.Float16 =>
            [.. MemoryMarshal.Cast<Float16, Half>(value.GetTensorDataAsSpan<Float16>()).ToArray().Select(h => (float)h)],
        TensorElementType.Float => value.GetTensorDataAsSpan<float>().ToArray(),
        _ => [],
    };

    private static OrtValue Copy(OrtValue value)
    {
        long[] shape = value.GetTensorTypeAndShape().Shape;
        return value.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float16
            ? OrtValue.CreateTensorValueFromMemory(value.GetTensorDataAsSpan<Float16>().ToArray(), shape)
            : OrtValue.CreateTensorValueFromMemory(value.GetTensorDataAsSpan<float>().ToArray(), shape);
    }

    private OrtValue Empty(string present)
    {
        OnnxValue output = _model.Outputs.First(o => o.Name == present);
        long[] shape = [1, output.Shape!.Value[1].Size!.Value, 0, output.Shape.Value[3].Size!.Value]; // fixed in every exported model
        return output.Type == OnnxDataType.Float16
            ? OrtValue.CreateTensorValueFromMemory(Array.Empty<Float16>(), shape)
            : OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), shape);
    }
}
