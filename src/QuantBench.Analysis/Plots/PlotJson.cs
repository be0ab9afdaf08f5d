using System.Text.Json.Serialization;

namespace QuantBench.Analysis.Plots;

/// <summary>How requests and answers of a drawing process are written.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(PlotRequest))]
[JsonSerializable(typeof(PlotReply))]
internal sealed partial class PlotJson : JsonSerializerContext;
