namespace QuantBench.Formats.Onnx;

/// <summary>Keys of the entries that exported models carry.</summary>
public static class OnnxMetadata
{
    /// <summary>Name of the recipe: the variant without its format.</summary>
    public const string Recipe = "quantbench.recipe";

    /// <summary>The recipe's settings as JSON.</summary>
    public const string Settings = "quantbench.settings";

    /// <summary>What a reader of figures must know: what is stored, what is computed in.</summary>
    public const string Notes = "quantbench.notes";

    /// <summary>SHA-256 of the model source.</summary>
    public const string SourceSha256 = "quantbench.source_sha256";

    /// <summary>Name of the model.</summary>
    public const string ModelName = "quantbench.model";

    /// <summary>Number of weights.</summary>
    public const string ParameterCount = "quantbench.parameter_count";

    /// <summary>Bytes of the weights, without tables that are computed.</summary>
    public const string WeightBytes = "quantbench.weight_bytes";

    /// <summary>Context length the model was trained for, in tokens.</summary>
    public const string ContextLength = "quantbench.context_length";
}
