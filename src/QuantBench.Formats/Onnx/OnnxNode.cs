using System.Collections.Immutable;

namespace QuantBench.Formats.Onnx;

/// <summary>One operator of a graph.</summary>
/// <param name="OpType">Operator, e.g. <c>MatMul</c>.</param>
/// <param name="Domain">Whose operator; empty = ONNX's own.</param>
/// <param name="Name">Unique name; profiles are read by it.</param>
/// <param name="Inputs">Names of values; empty where an optional one is left out.</param>
/// <param name="Outputs">Names of values; empty where an optional one isn't wanted.</param>
/// <param name="Attributes">Settings.</param>
public sealed record OnnxNode(
    string OpType, string Domain, string Name, ImmutableArray<string> Inputs, ImmutableArray<string> Outputs,
    ImmutableArray<OnnxAttribute> Attributes)
{
    /// <summary>A whole-number setting, or what holds where it is left out.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="otherwise">Value when it isn't there.</param>
    public long Int(string name, long otherwise) =>
        Attributes.OfType<OnnxAttribute.Int>().FirstOrDefault(a => a.Name == name)?.Value ?? otherwise;
}
