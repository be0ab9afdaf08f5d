using System.Collections.Immutable;
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

    /// <summary>Names of the pre-tokenizers of byte-level BPE that are read.</summary>
    public static IReadOnlyCollection<string> PreTokenizers => Tokenizers.PreTokenizers.Names;

    /// <summary>Reads the tokenizer of a GGUF file.</summary>
    /// <param name="metadata">Its metadata.</param>
    /// <param name="file">Path, for messages.</param>
    /// <exception cref="ModelFormatException">It is broken, or of a kind that isn't read.</exception>
    public static TokenizerDefinition Read(GgufMetadata metadata, string file)
    {
        string model = metadata.GetString(Prefix + "model");
        if (model is not ("gpt2" or "llama" or "t5"))
        {
            throw new UnsupportedException(file,
                $"the tokenizer model '{model}' is not read; byte-level BPE ('gpt2'), SentencePiece BPE ('llama') and Unigram ('t5') are.",
                "Its speed can be measured all the same.");
        }

        PreTokenizerKind? kind = model == "gpt2" ? ReadKind(metadata, file) : null;
        string[] tokens = metadata.GetArray<string>(Prefix + "tokens");
        ImmutableArray<TokenType> types = ReadTypes(metadata, tokens.Length, file);
        TokenizerDefinition definition = model == "t5" ? ReadUnigram(metadata, tokens, types, file)
            : kind is not { } known ? ReadSentencePiece(metadata, tokens, types, file)
            : new BpeDefinition([.. tokens], types, [.. metadata.GetArray<string>(Prefix + "merges")], known,
                ReadBos(metadata, Tokenizers.PreTokenizers.AddsBosByDefault(known), null, file));
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
        var bpe = definition as BpeDefinition;
        metadata.Add(Prefix + "model", definition switch { BpeDefinition => "gpt2", UnigramDefinition => "t5", _ => "llama" });
        metadata.Add(Prefix + "pre", bpe is null ? "default" : Tokenizers.PreTokenizers.ToGgufName(bpe.PreTokenizer));
        metadata.Add(Prefix + "tokens", definition.Tokens.ToArray());
        if (definition is SentencePieceDefinition pieces) metadata.Add(Prefix + "scores", pieces.Scores.ToArray());
        var unigram = definition as UnigramDefinition;
        if (unigram is not null) metadata.Add(Prefix + "scores", unigram.Scores.ToArray());
        metadata.Add(Prefix + "token_type", definition.Types.Select(type => (int)type).ToArray());
        if (bpe is not null) metadata.Add(Prefix + "merges", bpe.Merges.ToArray());
        if (unigram is not null) WriteUnigram(metadata, unigram);
        foreach ((string role, int id) in tokenizer.SpecialIds.Where(token => unigram is null || token.Role != "unk"))
            metadata.Add($"{Prefix}{KeyOf(role)}_token_id", (uint)id);
        if (tokenizer.AddBos is { } addBos) metadata.Add(Prefix + "add_bos_token", addBos);
        if (tokenizer.AddEos is { } addEos) metadata.Add(Prefix + "add_eos_token", addEos);
        if (tokenizer.ChatTemplate is { } template) metadata.Add("tokenizer.chat_template", template);
    }

    private static PreTokenizerKind ReadKind(GgufMetadata metadata, string file)
    {
        string pre = metadata.FindString(Prefix + "pre") is { Length: > 0 } named ? named : "default";
        return Tokenizers.PreTokenizers.FromGgufName(pre)
            ?? throw new UnsupportedException(file, $"the pre-tokenizer '{pre}' is not read.",
                $"These are: {Tokenizers.PreTokenizers.KnownNames}. The model's speed can be measured all the same.");
    }

    private static void WriteUnigram(GgufMetadata metadata, UnigramDefinition definition)
    {
        metadata.Add(Prefix + "remove_extra_whitespaces", definition.RemoveExtraSpaces);
        if (!definition.CharacterMap.IsEmpty) metadata.Add(Prefix + "precompiled_charsmap", definition.CharacterMap.ToArray());
        metadata.Add(Prefix + "unknown_token_id", (uint)definition.UnknownToken);
    }

    private static UnigramDefinition ReadUnigram(GgufMetadata metadata, string[] tokens, ImmutableArray<TokenType> types, string file)
    {
        int unknown = (int)Math.Clamp(metadata.FindInteger(Prefix + "unknown_token_id") ?? 2, -1, int.MaxValue);
        var definition = new UnigramDefinition([.. tokens], types, [.. ReadScores(metadata, tokens.Length)], unknown,
            ReadBos(metadata, false, null, file))
        {
            AddSpacePrefix = metadata.FindBoolean(Prefix + "add_space_prefix") ?? false,
            RemoveExtraSpaces = metadata.FindBoolean(Prefix + "remove_extra_whitespaces") ?? false,
            CharacterMap = ReadCharacterMap(metadata),
        };
        RefusePhi(metadata, definition, file);
        return definition;
    }

    private static ImmutableArray<byte> ReadCharacterMap(GgufMetadata metadata)
    {
        const string Key = Prefix + "precompiled_charsmap";
        if (!metadata.TryGet(Key, out object? value)) return [];
        return value is sbyte[] signed ? [.. signed.Select(item => unchecked((byte)item))] : [.. metadata.GetArray<byte>(Key)];
    }

    private static float[] ReadScores(GgufMetadata metadata, int count) => !metadata.TryGet(Prefix + "scores", out object? value)
        ? new float[count] : value is int[] whole ? [.. whole.Select(score => (float)score)] : metadata.GetArray<float>(Prefix + "scores");

    private static SentencePieceDefinition ReadSentencePiece(GgufMetadata metadata, string[] tokens, ImmutableArray<TokenType> types,
        string file)
    {
        var definition = new SentencePieceDefinition([.. tokens], types, [.. ReadScores(metadata, tokens.Length)],
            metadata.FindBoolean(Prefix + "add_space_prefix") ?? true, ReadBos(metadata, true, 1, file));
        RefusePhi(metadata, definition, file);
        return definition;
    }

    /// <summary>Refuses what llama.cpp takes spaces away behind: the user-defined tokens of models with such a name.</summary>
    private static void RefusePhi(GgufMetadata metadata, TokenizerDefinition definition, string file)
    {
        string name = metadata.FindString("general.name") ?? "";
        bool strips = ((string[])["phi-3", "phi3"]).Any(phi => name.Contains(phi, StringComparison.OrdinalIgnoreCase));
        if (strips && !new UserDefinedTokens(definition).IsEmpty)
        {
            throw new UnsupportedException(file, "Phi-3's user-defined tokens, which take spaces with them, are not read.",
                "Its speed can be measured all the same.");
        }
    }

    private static ImmutableArray<TokenType> ReadTypes(GgufMetadata metadata, int count, string file)
    {
        int[]? types = metadata.FindArray<int>(Prefix + "token_type");
        if (types is not null && types.Length != count)
            throw new ModelFormatException(file, null, $"there are {count} tokens, but {types.Length} token types.");
        return types is null ? [.. Enumerable.Repeat(TokenType.Normal, count)] : [.. types.Select(type => (TokenType)type)];
    }

    /// <summary>The BOS token that is put in front of a text.</summary>
    /// <param name="metadata">Where it is read.</param>
    /// <param name="adds">Whether one is where the file doesn't say.</param>
    /// <param name="usual">Which one it is where the file doesn't say.</param>
    /// <param name="file">Path, for messages.</param>
    private static int? ReadBos(GgufMetadata metadata, bool adds, int? usual, string file)
    {
        int? bos = metadata.FindInteger(Prefix + "bos_token_id") switch
        {
            null => usual,
            >= 0 and <= int.MaxValue and { } id => (int)id,
            { } id => throw new ModelFormatException(file, null, $"the BOS token {id} is not a token id."),
        };
        if (!(metadata.FindBoolean(Prefix + "add_bos_token") ?? adds)) return null;
        return bos ?? throw new ModelFormatException(file, null,
            "the tokenizer adds a BOS token, but the file doesn't say which one it is.");
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
