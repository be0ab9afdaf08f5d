using Microsoft.ML.OnnxRuntime;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>Runs a decoder once on tokens with padding before them.</summary>
internal static class PaddedRun
{
    public static float[] Logits(OnnxModel model, int[] tokens, int padding)
    {
        using var session = new InferenceSession(model.Path);
        long[] ids = [.. new long[padding], .. tokens.Select(t => (long)t)];
        long[] mask = [.. new long[padding], .. tokens.Select(_ => 1L)];
        var values = new List<OrtValue>();
        var inputs = new Dictionary<string, OrtValue>();
        foreach (OnnxValue input in model.Inputs)
        {
            OrtValue value = input.Name switch
            {
                "input_ids" => OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]),
                "attention_mask" => OrtValue.CreateTensorValueFromMemory(mask, [1, mask.Length]),
                // fixed in exports
                _ => OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(),
                    [1, input.Shape!.Value[1].Size!.Value, 0, input.Shape.Value[3].Size!.Value]),
            };
            values.Add(value);
            inputs[input.Name] = value;
        }

        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, inputs, ["logits"]);
        foreach (OrtValue value in values) value.Dispose();
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
