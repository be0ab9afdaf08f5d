using System.Collections.Immutable;
using Google.Protobuf;
using QuantBench.Formats.Onnx.Proto;

namespace QuantBench.Formats.Onnx;

/// <summary>Turns graphs into protobuf messages and back.</summary>
internal static class OnnxProto
{
    public static ModelProto ToModel(OnnxGraph graph, Func<OnnxTensorSpec, TensorProto> tensor)
    {
        var proto = new GraphProto { Name = graph.Name };
        proto.Node.AddRange(graph.Nodes.Select(ToNode));
        proto.Input.AddRange(graph.Inputs.Select(ToValue));
        proto.Output.AddRange(graph.Outputs.Select(ToValue));
        proto.Initializer.AddRange(graph.Tensors.Select(tensor));
        var model = new ModelProto
        {
            IrVersion = graph.IrVersion,
            ProducerName = graph.Producer,
            ProducerVersion = graph.ProducerVersion,
            Graph = proto,
        };
        model.OpsetImport.AddRange(graph.Opsets.Select(o => new OperatorSetIdProto { Domain = o.Key, Version = o.Value }));
        model.MetadataProps.AddRange(graph.Metadata.Select(m => new StringStringEntryProto { Key = m.Key, Value = m.Value }));
        return model;
    }

    public static TensorProto ToTensor(OnnxTensorSpec spec)
    {
        var proto = new TensorProto { Name = spec.Name, DataType = (int)spec.Type };
        proto.Dims.AddRange(spec.Shape);
        return proto;
    }

    public static ValueInfoProto ToValue(OnnxValue value)
    {
        // Without a type, runtimes find it out themselves.
        if (value.Type == OnnxDataType.Undefined) return new ValueInfoProto { Name = value.Name };
        var type = new TypeProto.Types.Tensor { ElemType = (int)value.Type };
        if (value.Shape is { } shape)
        {
            type.Shape = new TensorShapeProto();
            foreach (OnnxDimension dimension in shape)
            {
                var proto = new TensorShapeProto.Types.Dimension();
                if (dimension.Size is { } size) proto.DimValue = size;
                else if (dimension.Symbol is { } symbol) proto.DimParam = symbol;
                type.Shape.Dim.Add(proto);
            }
        }

        return new ValueInfoProto { Name = value.Name, Type = new TypeProto { TensorType = type } };
    }

    public static OnnxValue FromValue(ValueInfoProto proto)
    {
        if (proto.Type?.TensorType is not { } tensor) return new OnnxValue(proto.Name, OnnxDataType.Undefined, null);
        ImmutableArray<OnnxDimension>? shape = tensor.Shape is null ? null : [.. tensor.Shape.Dim.Select(FromDimension)];
        return new OnnxValue(proto.Name, (OnnxDataType)tensor.ElemType, shape);
    }

    public static OnnxNode FromNode(NodeProto proto) =>
        new(proto.OpType, Normal(proto.Domain), proto.Name, [.. proto.Input], [.. proto.Output],
            [.. proto.Attribute.Select(FromAttribute)]);

    /// <summary>ONNX's own domain has two names.</summary>
    public static string Normal(string domain) => domain == "ai.onnx" ? "" : domain;

    private static OnnxDimension FromDimension(TensorShapeProto.Types.Dimension proto) => proto.ValueCase switch
    {
        TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => proto.DimValue,
        TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam when proto.DimParam.Length > 0 => proto.DimParam,
        _ => default,
    };

    private static NodeProto ToNode(OnnxNode node)
    {
        var proto = new NodeProto { OpType = node.OpType, Name = node.Name };
        if (node.Domain.Length > 0) proto.Domain = node.Domain;
        proto.Input.AddRange(node.Inputs);
        proto.Output.AddRange(node.Outputs);
        proto.Attribute.AddRange(node.Attributes.Select(ToAttribute));
        return proto;
    }

    private static AttributeProto ToAttribute(OnnxAttribute attribute)
    {
        var proto = new AttributeProto { Name = attribute.Name };
        switch (attribute)
        {
            case OnnxAttribute.Float number:
                proto.Type = AttributeProto.Types.AttributeType.Float;
                proto.F = number.Value;
                break;
            case OnnxAttribute.Int number:
                proto.Type = AttributeProto.Types.AttributeType.Int;
                proto.I = number.Value;
                break;
            case OnnxAttribute.Text text:
                proto.Type = AttributeProto.Types.AttributeType.String;
                proto.S = ByteString.CopyFromUtf8(text.Value);
                break;
            case OnnxAttribute.Ints numbers:
                proto.Type = AttributeProto.Types.AttributeType.Ints;
                proto.Ints.AddRange(numbers.Values);
                break;
            case OnnxAttribute.Floats numbers:
                proto.Type = AttributeProto.Types.AttributeType.Floats;
                proto.Floats.AddRange(numbers.Values);
                break;
            default:
                throw new ArgumentException($"an attribute of kind {attribute.GetType().Name} isn't written", nameof(attribute));
        }

        return proto;
    }

    private static OnnxAttribute FromAttribute(AttributeProto proto) => proto.Type switch
    {
        AttributeProto.Types.AttributeType.Float => new OnnxAttribute.Float(proto.Name, proto.F),
        AttributeProto.Types.AttributeType.Int => new OnnxAttribute.Int(proto.Name, proto.I),
        AttributeProto.Types.AttributeType.String => new OnnxAttribute.Text(proto.Name, proto.S.ToStringUtf8()),
        AttributeProto.Types.AttributeType.Ints => new OnnxAttribute.Ints(proto.Name, [.. proto.Ints]),
        AttributeProto.Types.AttributeType.Floats => new OnnxAttribute.Floats(proto.Name, [.. proto.Floats]),
        _ => new OnnxAttribute.Other(proto.Name, proto.Type.ToString().ToUpperInvariant()),
    };
}
