namespace QuantBench.Formats.Tokenizers;

/// <summary>How text is cut into pieces before merges are applied.</summary>
public enum PreTokenizerKind
{
    /// <summary>GPT-2's regex.</summary>
    Gpt2,

    /// <summary>Llama 3's: digits in groups of up to three, line breaks stay with punctuation; a piece that is a token isn't
    /// merged.</summary>
    Llama3,

    /// <summary>Qwen2's: as Llama 3's with single digits.</summary>
    Qwen2,

    /// <summary>SmolLM's: single digits are cut out first, then GPT-2's regex.</summary>
    SmolLm,
}
