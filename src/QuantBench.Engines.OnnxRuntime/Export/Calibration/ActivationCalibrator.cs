using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Engines.OnnxRuntime.Export.Calibration;

/// <summary>Runs a float model over a training text and looks at what enters its products.</summary>
internal static class ActivationCalibrator
{
    /// <summary>Ranges of every value that is multiplied with a constant matrix.</summary>
    /// <param name="directory">The <c>onnx:fp32</c> model.</param>
    /// <param name="text">The text; chunks are run each from an empty cache.</param>
    /// <param name="method">How ranges are chosen.</param>
    /// <param name="threads">CPU threads.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between chunks.</param>
    /// <exception cref="QuantBenchException">The model or text is broken, or the text is too short.</exception>
    public static Dictionary<string, ActivationRange> Calibrate(
        string directory, CalibrationText text, CalibrationMethod method, int threads, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        TokenFile file = TokenFile.Read(text.TokensPath);
        int nCtx = text.ContextLength;

        // As the evaluators cut: BOS, where the tokenizer adds it, is the text's first token before the text is cut.
        int[] tokens = file.Header.BosToken is { } bos ? [bos, .. file.Tokens] : [.. file.Tokens];
        int available = tokens.Length / nCtx;
        int chunks = text.Chunks == 0 ? available : Math.Min(text.Chunks, available);
        if (chunks == 0)
        {
            throw new RequestException($"The calibration text has {tokens.Length} tokens, fewer than one chunk of {nCtx}.",
                "Use a longer text or shorter chunks.");
        }

        using OnnxModel model = OnnxModel.Open(directory);
        string[] values = [
            .. model.Nodes.Where(n => n.OpType == "MatMul" && model.Tensors.ContainsKey(n.Inputs[1])).Select(n => n.Inputs[0])
                .Distinct(StringComparer.Ordinal)];
        Dictionary<string, ValueHistogram> histograms = values.ToDictionary(v => v, _ => new ValueHistogram(), StringComparer.Ordinal);
        try
        {
            Observe(model, histograms, (tokens, file.Header.BosToken, nCtx, chunks), threads, progress, cancellationToken);
        }
        catch (OnnxRuntimeException e)
        {
            throw new EngineException($"ONNX Runtime can't run '{directory}' for calibration: {e.Message}", inner: e);
        }

        return histograms.ToDictionary(h => h.Key, h => RangeChoice.Choose(method, h.Value), StringComparer.Ordinal);
    }

    private static void Observe(
        OnnxModel model, Dictionary<string, ValueHistogram> histograms, (int[] Tokens, int? Bos, int NCtx, int Chunks) text,
        int threads, IProgress<double> progress, CancellationToken cancellationToken)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = Math.Max(1, threads),
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,

            // Optimized graphs may fuse away the very values that are looked at.
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
        };
        options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", Path.GetDirectoryName(model.Path) ?? ".");
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        string[] names = [.. histograms.Keys];
        using var session = new InferenceSession(model.WithOutputs(names.Select(n => new OnnxValue(n, OnnxDataType.Float, null))), options);
        using var run = new RunOptions();
        long[] ids = new long[text.NCtx];
        long[] mask = new long[text.NCtx];
        Array.Fill(mask, 1);
        using OrtValue idsValue = OrtValue.CreateTensorValueFromMemory(ids, [1, text.NCtx]);
        using OrtValue maskValue = OrtValue.CreateTensorValueFromMemory(mask, [1, text.NCtx]);
        OnnxValue[] caches = [.. model.Inputs.Where(i => i.Name.StartsWith("past_key_values.", StringComparison.Ordinal))];
        var inputs = new Dictionary<string, OrtValue> { [DecoderNames.InputIds] = idsValue, [DecoderNames.AttentionMask] = maskValue };
        var empties = new List<OrtValue>();
        try
        {
            foreach (OnnxValue cache in caches)
            {
                long[] shape = [1, Size(cache, 1), 0, Size(cache, 3)];
                var empty = OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), shape);
                empties.Add(empty);
                inputs[cache.Name] = empty;
            }

            for (int chunk = 0; chunk < text.Chunks; chunk++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                for (int i = 0; i < ids.Length; i++) ids[i] = text.Tokens[(chunk * text.NCtx) + i];
                if (text.Bos is { } bos) ids[0] = bos;
                using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, inputs, names);
                for (int i = 0; i < names.Length; i++) histograms[names[i]].Add(outputs[i].GetTensorDataAsSpan<float>());
                progress.Report((double)(chunk + 1) / text.Chunks);
            }
        }
        finally
        {
            foreach (OrtValue empty in empties) empty.Dispose();
        }
    }

    private static long Size(OnnxValue cache, int axis) =>
        cache.Shape is { Length: 4 } shape && shape[axis].Size is { } size
            ? size
            : throw new EngineException(
                string.Create(CultureInfo.InvariantCulture, $"The input '{cache.Name}' has no fixed size in dimension {axis}."));
}
