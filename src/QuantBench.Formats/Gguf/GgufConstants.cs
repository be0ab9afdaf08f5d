namespace QuantBench.Formats.Gguf;

/// <summary>Numbers and keys of the GGUF format; the limits are those llama.cpp v0.5.0 enforces.</summary>
public static class GgufConstants
{
    /// <summary><c>GGUF</c>, read as a little-endian 32-bit number.</summary>
    public const uint Magic = 0x46554747;

    /// <summary>Version that is written.</summary>
    public const uint Version = 3;

    /// <summary>Alignment of tensor data where the file doesn't give one, in bytes.</summary>
    public const uint DefaultAlignment = 32;

    /// <summary>Longest string, in bytes.</summary>
    public const ulong MaxStringBytes = 1UL << 30;

    /// <summary>Most elements in an array.</summary>
    public const ulong MaxArrayElements = 1UL << 30;

    /// <summary>Longest tensor name, in bytes.</summary>
    public const int MaxTensorNameBytes = 63;

    /// <summary>Most dimensions of a tensor.</summary>
    public const int MaxDimensions = 4;

    /// <summary>Key of the model's architecture.</summary>
    public const string Architecture = "general.architecture";

    /// <summary>Key of the model's name.</summary>
    public const string Name = "general.name";

    /// <summary>Key of the llama_ftype number.</summary>
    public const string FileType = "general.file_type";

    /// <summary>Key of the alignment.</summary>
    public const string Alignment = "general.alignment";

    /// <summary>Key of the quantization format's version.</summary>
    public const string QuantizationVersion = "general.quantization_version";

    /// <summary>Key of a split file's index, from 0.</summary>
    public const string SplitNumber = "split.no";

    /// <summary>Key of the number of split files.</summary>
    public const string SplitCount = "split.count";

    /// <summary>Key of the number of tensors in all split files.</summary>
    public const string SplitTensorCount = "split.tensors.count";

    internal const string DamagedHint = "The file is damaged or incomplete; compare its SHA-256 with the source's and fetch it again.";
}
