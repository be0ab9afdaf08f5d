namespace QuantBench.Formats.Tokenizers;

/// <summary>What a token is; the numbers are those of <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenType
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Stands for what has no token.</summary>
    Unknown = 2,

    /// <summary>Special; never made from text.</summary>
    Control = 3,

    /// <summary>Added by the model's maker; found in text before anything else is cut.</summary>
    UserDefined = 4,

    /// <summary>A place in the table that nothing uses.</summary>
    Unused = 5,

    /// <summary>A raw byte.</summary>
    Byte = 6,
}
