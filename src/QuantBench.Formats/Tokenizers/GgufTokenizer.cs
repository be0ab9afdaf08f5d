using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Tokenizers;

/// <summary>Tokenizers in GGUF metadata.</summary>
public static class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";

    /// <summary>Reads the tokenizer of a GGUF file.</summary>
    /// <param name="metadata">Its metadata.</param>
    /// <param name="file">Path, for messages.</param>
    /// <exception cref="ModelFormatException">It is broken, or of a kind that isn't read.</exception>
    public static TokenizerDefinition Read(GgufMetadata metadata, string file)
    {
        string model = metadata.GetString(Prefix + "model");
        if (model != "gpt2")
        {
            string what = model == "llama" ? "SentencePiece ('llama')" : $"'{model}'";
            throw new UnsupportedException(file, $"the tokenizer model {what} is not read; byte-level BPE ('gpt2') is.",
                "Its speed can be measured all the same.");
        }

        string pre = metadata.FindString(Prefix + "pre") ?? "default";
        PreTokenizerKind kind = PreTokenizers.FromGgufName(pre)
            ?? throw new UnsupportedException(file, $"the pre-tokenizer '{pre}' is not read.",
                $"These are: {PreTokenizers.KnownNames}. The model's speed can be measured all the same.");
        string[] tokens = metadata.GetArray<string>(Prefix + "tokens");
        int[]? types = metadata.FindArray<int>(Prefix + "token_type");
        if (types is not null && types.Length != tokens.Length)
        {
            throw new ModelFormatException(file, null, $"there are {tokens.Length} tokens, but {types.Length} token types.");
        }

        int? bos = metadata.FindInteger(Prefix + "bos_token_id") switch
        {
            null => null,
            >= 0 and <= int.MaxValue and { } id => (int)id,
            { } id => throw new ModelFormatException(file, null, $"the BOS token {id} is not a token id."),
        };
        bool addsBos = metadata.FindBoolean(Prefix + "add_bos_token") ?? PreTokenizers.AddsBosByDefault(kind);
        if (addsBos && bos is null)
            throw new ModelFormatException(file, null, "the tokenizer adds a BOS token, but the file doesn't say which one it is.");

        var definition = new TokenizerDefinition(
            [.. tokens],
            types is null ? [.. Enumerable.Repeat(TokenType.Normal, tokens.Length)] : [.. types.Select(type => (TokenType)type)],
            [.. metadata.GetArray<string>(Prefix + "merges")],
            kind,
            addsBos ? bos : null);
        TokenizerChecks.Check(definition, file);
        return definition;
    }

    /// <summary>Adds a tokenizer to metadata, with the keys and in the order of llama.cpp's converter.</summary>
    /// <param name="metadata">Receives the entries.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    public static void Write(GgufMetadata metadata, HuggingFaceTokenizer tokenizer)
    {
        TokenizerDefinition definition = tokenizer.Definition;
        if (tokenizer.AddSpacePrefix is { } addSpacePrefix) metadata.Add(Prefix + "add_space_prefix", addSpacePrefix);
        metadata.Add(Prefix + "model", "gpt2");
        metadata.Add(Prefix + "pre", PreTokenizers.ToGgufName(definition.PreTokenizer));
        metadata.Add(Prefix + "tokens", definition.Tokens.ToArray());
        metadata.Add(Prefix + "token_type", definition.Types.Select(type => (int)type).ToArray());
        metadata.Add(Prefix + "merges", definition.Merges.ToArray());
        foreach ((string role, int id) in tokenizer.SpecialIds) metadata.Add($"{Prefix}{KeyOf(role)}_token_id", (uint)id);
        if (tokenizer.AddBos is { } addBos) metadata.Add(Prefix + "add_bos_token", addBos);
        if (tokenizer.AddEos is { } addEos) metadata.Add(Prefix + "add_eos_token", addEos);
        if (tokenizer.ChatTemplate is { } template) metadata.Add("tokenizer.chat_template", template);
    }

    /// <summary>SHA-256 of everything a GGUF file says of its tokenizer, but for chat templates, in one canonical form.</summary>
    /// <param name="metadata">Its metadata.</param>
    public static string MetadataSha256(GgufMetadata metadata)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string key, object value) in metadata.Where(e => e.Key.StartsWith(Prefix, StringComparison.Ordinal))
            .OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            Append(hash, key);
            if (value is not Array array)
            {
                Append(hash, Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
                continue;
            }

            Append(hash, array.Length.ToString(CultureInfo.InvariantCulture));
            foreach (object item in array) Append(hash, Convert.ToString(item, CultureInfo.InvariantCulture) ?? "");
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        hash.AppendData(BitConverter.GetBytes(bytes.Length));
        hash.AppendData(bytes);
    }

    private static string KeyOf(string role) => role switch
    {
        "unk" => "unknown",
        "sep" => "seperator", // The format's own spelling.
        "pad" => "padding",
        _ => role,
    };
}
