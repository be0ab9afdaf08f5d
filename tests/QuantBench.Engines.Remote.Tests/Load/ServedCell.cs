using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Engines.Remote.Tests.Load;

/// <summary>Cells of the stub.</summary>
internal static class ServedCell
{
    public static EvaluationResult Measure(string device, string? folder, params (string Key, object Value)[] settings) =>
        Measure(device, folder, checks: false, settings);

    public static EvaluationResult MeasureModel(string device, string variant) =>
        Measure(device, null, false, [("duration", 0.2), ("warmup", 0.0)], variant);

    public static EvaluationResult Measure(string device, string? folder, bool checks, params (string Key, object Value)[] settings) =>
        Measure(device, folder, checks, settings, "served:stub:q4_0");

    private static EvaluationResult Measure(string device, string? folder, bool checks, (string Key, object Value)[] settings,
        string variant)
    {
        using var engine = new RemoteEngine();
        using var machine = new MachineProbe(TimeProvider.System);
        CellSettings all = settings.Aggregate(CellSettings.Empty.With("prompt_tokens", "16"), (s, p) => s.With(p.Key, p.Value));
        var context = new EvaluationContext
        {
            Cell = new Cell("m", Variant.Parse(variant), new BackendId(RemoteEngine.EngineName, device), "serve", all),
            Engine = engine,
            Clock = TimeProvider.System,
            Machine = machine,
            OutputFolder = folder,
            Progress = new Progress<EvaluationProgress>(),
        };
        return new ServeEvaluator { ChecksGenerator = checks }.Evaluate(context, CancellationToken.None);
    }
}
