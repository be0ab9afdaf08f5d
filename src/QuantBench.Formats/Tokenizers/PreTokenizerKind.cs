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

    /// <summary>Qwen 3.5's: as Qwen2's, accents stay with their letters.</summary>
    Qwen35,

    /// <summary>GPT-4o's (o200k), as llama.cpp cuts it: words end where small letters are followed by capitals.</summary>
    Gpt4o,

    /// <summary>Mistral's Tekken: as GPT-4o's with single digits and without contractions; a piece that is a token isn't
    /// merged.</summary>
    Tekken,

    /// <summary>DeepSeek-V3's.</summary>
    DeepSeek3,

    /// <summary>DeepSeek LLM's.</summary>
    DeepSeekLlm,

    /// <summary>DeepSeek Coder's.</summary>
    DeepSeekCoder,

    /// <summary>Falcon's.</summary>
    Falcon,

    /// <summary>What llama.cpp does where a file names none.</summary>
    Default,

    /// <summary>Llama 3's cuts, where pieces that are tokens are merged all the same.</summary>
    Dbrx,

    /// <summary>Seed-Coder's: as Qwen2's, but line breaks don't stay with punctuation.</summary>
    SeedCoder,

    /// <summary>Bloom's.</summary>
    Bloom,
}
