using System.Collections.Immutable;
using QuantBench.Core.Settings;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>The settings that are this engine's own.</summary>
internal static class OrtSettingTable
{
    /// <summary>Level of graph optimisation.</summary>
    public static readonly SettingDefinition Optimization = new(
        "ort_optimization", SettingKind.Text, "all", "ONNX Runtime: graph optimisation level",
        Choices: ["none", "basic", "extended", "all"]);

    /// <summary>Whether idle threads spin.</summary>
    public static readonly SettingDefinition Spinning = new(
        "ort_spinning", SettingKind.Text, "auto", "ONNX Runtime: whether idle threads spin; auto = in timings only",
        Choices: ["auto", "on", "off"]);

    /// <summary>Whether CPU memory comes from the arena.</summary>
    public static readonly SettingDefinition Arena = new(
        "ort_arena", SettingKind.Flag, true, "ONNX Runtime: whether CPU memory comes from its arena");

    /// <summary>What activations are rounded to in products that ONNX Runtime itself fuses.</summary>
    public static readonly SettingDefinition Accuracy = new(
        "ort_accuracy", SettingKind.Text, "auto",
        "ONNX Runtime: type of the activations where it fuses DequantizeLinear and MatMul into one product; auto = its own choice, int8",
        Choices: ["auto", "fp32", "fp16", "bf16", "int8"]);

    /// <summary>Whether the profile is kept.</summary>
    public static readonly SettingDefinition Profile = new(
        "ort_profile", SettingKind.Flag, false,
        "ONNX Runtime: keep its profile beside the cell and name the slowest operators; slows the cell");

    /// <summary>Entries of the session's configuration.</summary>
    public static readonly SettingDefinition Config = new(
        "ort_config", SettingKind.Text, "",
        "ONNX Runtime: further session configuration entries, e.g. session.disable_prepacking=1;session.x64quantprecision=1");

    /// <summary>All of them, in the order docs list them.</summary>
    public static readonly ImmutableArray<SettingDefinition> All = [Optimization, Accuracy, Spinning, Arena, Profile, Config];
}
