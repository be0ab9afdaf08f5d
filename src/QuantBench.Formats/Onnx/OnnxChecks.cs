using QuantBench.Core.Errors;
using QuantBench.Formats.Onnx.Proto;

namespace QuantBench.Formats.Onnx;

/// <summary>What must hold of a model before anything is done with it.</summary>
internal static class OnnxChecks
{
    // What ONNX Runtime 1.31 loads; older and newer ones differ by a version or two.
    private const int NewestIrVersion = 13;
    private const int NewestOpset = 26;

    // Versions count up by ones: a larger number is damage, not the future.
    private const int NewestPlausible = 255;

    /// <exception cref="ModelFormatException">The model says of itself what can't be.</exception>
    public static void CheckHeader(ModelProto model, string path)
    {
        if (model.Graph is null)
            throw new ModelFormatException(path, null, "there is no graph in it, so that it is not an ONNX model.",
                "Check that this is the model file.");
        if (model.IrVersion is < 3 or > NewestIrVersion)
            throw Beyond(path, model.IrVersion, $"its format version (ir_version) is {model.IrVersion}; 3 to {NewestIrVersion} are read.");

        var domains = new HashSet<string>(StringComparer.Ordinal);
        foreach (OperatorSetIdProto opset in model.OpsetImport)
        {
            string domain = OnnxProto.Normal(opset.Domain);
            if (!domains.Add(domain)) throw new ModelFormatException(path, null, $"it names the operator set '{opset.Domain}' twice.");
            if (opset.Version < 1 || (domain.Length == 0 && opset.Version > NewestOpset))
            {
                throw Beyond(path, opset.Version,
                    $"it asks for version {opset.Version} of the operator set '{opset.Domain}'; 1 to {NewestOpset} are read.");
            }
        }

        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (StringStringEntryProto entry in model.MetadataProps)
        {
            if (!keys.Add(entry.Key)) throw new ModelFormatException(path, null, $"its metadata has the key '{entry.Key}' twice.");
        }
    }

    /// <exception cref="ModelFormatException">A node is unknown, or takes what nobody gives.</exception>
    public static void CheckGraph(ModelProto model, string path)
    {
        var functions = model.Functions.Select(f => (OnnxProto.Normal(f.Domain), f.Name)).ToHashSet();
        var domains = model.OpsetImport.Select(o => OnnxProto.Normal(o.Domain)).ToHashSet(StringComparer.Ordinal);
        CheckNodes(model.Graph, [], (functions, domains), path);
        foreach (FunctionProto function in model.Functions)
        {
            foreach (NodeProto node in function.Node) CheckOperator(node, functions, domains: null, path);
        }
    }

    private static void CheckNodes(
        GraphProto graph, HashSet<string> outer, (HashSet<(string, string)> Functions, HashSet<string> Domains) known, string path)
    {
        var values = new HashSet<string>(outer, StringComparer.Ordinal);
        foreach (TensorProto tensor in graph.Initializer) values.Add(tensor.Name);
        foreach (ValueInfoProto input in graph.Input)
        {
            CheckType(input, path);
            values.Add(input.Name);
        }

        var made = new HashSet<string>(StringComparer.Ordinal);
        foreach (NodeProto node in graph.Node)
        {
            CheckOperator(node, known.Functions, known.Domains, path);
            foreach (string input in node.Input)
            {
                if (input.Length > 0 && !values.Contains(input))
                {
                    throw Wrong(node, path, $"takes the value '{input}', which no input, tensor or earlier node gives.");
                }
            }

            // Subgraphs see the values made so far.
            foreach (AttributeProto attribute in node.Attribute)
            {
                if (attribute.G is { } inner) CheckNodes(inner, values, known, path);
                foreach (GraphProto one in attribute.Graphs) CheckNodes(one, values, known, path);
            }

            foreach (string output in node.Output)
            {
                if (output.Length == 0) continue;
                if (!made.Add(output)) throw Wrong(node, path, $"gives the value '{output}', which another node gives, too.");
                values.Add(output);
            }
        }

        foreach (ValueInfoProto output in graph.Output)
        {
            CheckType(output, path);
            if (!values.Contains(output.Name))
                throw new ModelFormatException(path, null, $"the output '{output.Name}' is given by no node.");
        }
    }

    private static void CheckOperator(NodeProto node, HashSet<(string, string)> functions, HashSet<string>? domains, string path)
    {
        string domain = OnnxProto.Normal(node.Domain);
        if (functions.Contains((domain, node.OpType))) return;
        if (!OnnxOperators.Domains.Contains(domain))
        {
            throw new UnsupportedException(path, $"{Title(node)} is of the operator set '{domain}', which is not known.",
                "It needs a library of custom operators, which isn't loaded here.");
        }

        if (domain.Length == 0 && !OnnxOperators.IsStandard(node.OpType))
        {
            throw Wrong(node, path, "is no operator of ONNX.", DidYouMean.Hint(node.OpType, OnnxOperators.Standard, "operators"));
        }

        if (node.OpType.Length == 0) throw Wrong(node, path, "has no operator.");
        if (domains is not null && !domains.Contains(domain))
            throw Wrong(node, path, $"is of the operator set '{domain}', whose version the model doesn't say.");
    }

    private static void CheckType(ValueInfoProto value, string path)
    {
        if (value.Name.Length == 0) throw new ModelFormatException(path, null, "an input or output of the graph has no name.");
        if (value.Type?.TensorType is not { } tensor) return;
        if (!Enum.IsDefined((OnnxDataType)tensor.ElemType))
        {
            throw new ModelFormatException(path, null, $"the value '{value.Name}' has the unknown element type {tensor.ElemType}.");
        }

        if (tensor.Shape?.Dim.Any(d => d.HasDimValue && d.DimValue < 0) ?? false)
        {
            throw new ModelFormatException(path, null, $"the value '{value.Name}' has a negative size in its shape.");
        }
    }

    /// <summary>A version that isn't read: an old or coming one, or one that can't be.</summary>
    private static QuantBenchException Beyond(string path, long version, string problem) =>
        version is >= 1 and <= NewestPlausible ? new UnsupportedException(path, problem) : new ModelFormatException(path, null, problem);

    private static string Title(NodeProto node) =>
        $"the node '{(node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault() ?? "?")}' ({node.OpType})";

    private static ModelFormatException Wrong(NodeProto node, string path, string problem, string? hint = null) =>
        new(path, null, $"{Title(node)} {problem}", hint);
}
