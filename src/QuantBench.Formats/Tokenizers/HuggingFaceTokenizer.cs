using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Tokenizers;

/// <summary>The tokenizer of a Hugging Face directory: <c>tokenizer.json</c>, with what <c>tokenizer_config.json</c> and <c>config.json</c>
/// add.</summary>
/// <param name="Definition">What decides the ids.</param>
/// <param name="SpecialIds">Role (<c>bos</c>, <c>eos</c>, <c>unk</c>, <c>sep</c>, <c>pad</c>, <c>cls</c>, <c>mask</c>) and id, in that
/// order.</param>
/// <param name="AddBos">Whether BOS is put in front; null when no file says.</param>
/// <param name="AddEos">Whether EOS is put behind; null when no file says.</param>
/// <param name="AddSpacePrefix">What the configuration says about a leading space; null when it doesn't.</param>
/// <param name="ChatTemplate">The chat template; null when there is none.</param>
public sealed record HuggingFaceTokenizer(
    TokenizerDefinition Definition,
    ImmutableArray<(string Role, int Id)> SpecialIds,
    bool? AddBos,
    bool? AddEos,
    bool? AddSpacePrefix,
    string? ChatTemplate)
{
    // More than any real vocabulary; the largest is near 262144.
    private const int MaxVocabulary = 1 << 20;
    private static readonly ImmutableArray<string> Roles = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

    /// <summary>Reads the tokenizer.</summary>
    /// <param name="directory">A Hugging Face directory.</param>
    /// <param name="vocabularySize">The model's <c>vocab_size</c>; ids that the tokenizer lacks become unused tokens.</param>
    /// <exception cref="QuantBenchException">A file is missing, broken, or of a kind that isn't read.</exception>
    public static HuggingFaceTokenizer Read(string directory, int vocabularySize)
    {
        if (vocabularySize > MaxVocabulary)
        {
            throw new ModelFormatException(Path.Combine(directory, "config.json"), null,
                $"'vocab_size' is {vocabularySize}; at most {MaxVocabulary} is read.");
        }

        string path = Path.Combine(directory, "tokenizer.json");
        string configPath = Path.Combine(directory, "tokenizer_config.json");
        ModelJson? config = File.Exists(configPath) ? ModelJson.ReadFile(configPath) : null;
        if (!File.Exists(path) && File.Exists(Path.Combine(directory, "tokenizer.model")))
        {
            TokenizerDefinition pieces = SentencePieceFile.Read(directory, vocabularySize, config);
            if (config?.Find("add_prefix_space") is { IsBoolean: true } given && pieces is SentencePieceDefinition merged)
                pieces = merged with { AddSpacePrefix = given.AsBoolean() };
            return Finish(pieces, SpecialTexts(pieces), null, config, directory, Path.Combine(directory, "tokenizer.model"));
        }

        if (!File.Exists(path)) throw new ModelFormatException(directory, null, "there is no tokenizer.json in it.", "Fetch it as well.");
        ModelJson json = ModelJson.ReadFile(path);
        ModelJson model = json.Get("model");
        bool isUnigram = CheckModel(model, path, out bool bytesFallBack) == "Unigram";
        if (isUnigram)
        {
            (ImmutableArray<string> pieces, ImmutableArray<TokenType> pieceTypes, Dictionary<string, int> texts) =
                ReadTokens(json, HuggingFaceUnigram.Pieces(model), vocabularySize, path);
            UnigramDefinition unigram = HuggingFaceUnigram.Read(json, pieces, pieceTypes, path);
            foreach ((string text, int id) in SpecialTexts(unigram)) texts.TryAdd(text, id);
            return Finish(unigram, texts, json.Find("post_processor"), config, directory, path);
        }

        PreTokenizerKind? kind = null;
        if (!bytesFallBack)
        {
            bool ignoresMerges = model.Find("ignore_merges")?.AsBoolean() ?? false;
            kind = ReadPreTokenizer(json.Find("pre_tokenizer"), ignoresMerges, path);
            CheckNormalizer(json.Find("normalizer"), kind.Value, path);
            // gpt-oss says so too, but llama.cpp merges all the same, and its ids are the measure here.
            if (ignoresMerges && !(PreTokenizers.IgnoresMerges(kind.Value) || kind == PreTokenizerKind.Gpt4o))
            {
                string name = PreTokenizers.ToGgufName(kind.Value);
                throw new UnsupportedException(path,
                    $"'model.ignore_merges' is true, which is not read together with the pre-tokenizer '{name}'.");
            }
        }

        (ImmutableArray<string> tokens, ImmutableArray<TokenType> types,
            Dictionary<string, int> added) = ReadTokens(json, ReadVocabulary(model, vocabularySize), vocabularySize, path);
        ImmutableArray<string> merges = ReadMerges(model, path);
        TokenizerDefinition definition = kind is { } known ? new BpeDefinition(tokens, types, merges, known, null)
            : HuggingFaceSentencePiece.Read(json, tokens, types, merges, path);
        return Finish(definition, added, json.Find("post_processor"), config, directory, path);
    }

    /// <summary>Adds what stands beside the tokenizer: special ids, and whether BOS is put in front.</summary>
    private static HuggingFaceTokenizer Finish(TokenizerDefinition definition, Dictionary<string, int> added, ModelJson? postProcessor,
        ModelJson? config, string directory, string path)
    {
        ImmutableArray<(string Role, int Id)> special = ReadSpecialIds(config, ModelConfig(directory), added, definition.Tokens.Length);
        string? bosText = config is { } present ? TokenText(present, "bos") : null;
        bool? addBos = AddFlag(config, "bos") ?? TemplateAddsBos(postProcessor, bosText);
        int? bos = special.Where(token => token.Role == "bos").Select(token => (int?)token.Id).FirstOrDefault();
        bool addsBos = addBos ?? definition switch
        {
            BpeDefinition bpe => PreTokenizers.AddsBosByDefault(bpe.PreTokenizer),
            SentencePieceDefinition => bos is not null,
            // transformers' Llama class adds one to a model without a file that says so; T5's and others don't.
            _ => bos is not null && postProcessor is null && (config?.Find("tokenizer_class") is { IsString: true } name
                && name.AsString().StartsWith("Llama", StringComparison.Ordinal)),
        };
        if (addsBos && bos is null)
            throw new ModelFormatException(path, null, "the tokenizer adds a BOS token, but no file says which one it is.");
        definition = definition with { BosToken = addsBos ? bos : null };
        TokenizerChecks.Check(definition, path);
        return new HuggingFaceTokenizer(
            definition, special, definition is BpeDefinition ? addBos : addsBos,
            AddFlag(config, "eos") ?? (definition is UnigramDefinition ? false : null),
            definition switch
            {
                SentencePieceDefinition pieces => pieces.AddSpacePrefix,
                UnigramDefinition pieces => pieces.AddSpacePrefix,
                _ => config?.Find("add_prefix_space") is { IsBoolean: true } prefix ? prefix.AsBoolean() : null,
            },
            config?.Find("chat_template") is { IsString: true } template ? template.AsString() : null);
    }

    private static Dictionary<string, int> SpecialTexts(TokenizerDefinition pieces)
    {
        var texts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int id = 0; id < pieces.Tokens.Length; id++)
        {
            if (pieces.Types[id] is TokenType.Control or TokenType.Unknown or TokenType.UserDefined) texts.TryAdd(pieces.Tokens[id], id);
        }

        return texts;
    }

    /// <summary>The model's configuration: transformers' own, else what onnxruntime-genai's builder leaves of it.</summary>
    private static ModelJson ModelConfig(string directory)
    {
        string own = Path.Combine(directory, "config.json");
        string genai = Path.Combine(directory, "genai_config.json");
        return File.Exists(own) || !File.Exists(genai) ? ModelJson.ReadFile(own) : ModelJson.ReadFile(genai).Get("model");
    }

    /// <summary>The kind of the model; of BPE, whether it is SentencePiece's, where bytes stand for what has no token.</summary>
    private static string CheckModel(ModelJson model, string path, out bool bytesFallBack)
    {
        // Old files don't name the type; those with merges are BPE.
        string type = model.Find("type")?.AsString() ?? (model.Find("merges") is null ? "unknown" : "BPE");
        if (type is not ("BPE" or "Unigram"))
        {
            throw new UnsupportedException(path, $"the tokenizer model '{type}' is not read; BPE and Unigram are.",
                "A GGUF file that llama.cpp's convert_hf_to_gguf.py makes of the model can be measured.");
        }

        bytesFallBack = model.Find("byte_fallback")?.AsBoolean() ?? false;
        return type;
    }

    private static void CheckNormalizer(ModelJson? normalizer, PreTokenizerKind kind, string path)
    {
        if (normalizer is not { } json) return;

        // llama.cpp leaves Qwen's NFC out, and its ids are the measure here.
        string type = json.Get("type").AsString();
        bool isEmptySequence = type == "Sequence" && !json.Get("normalizers").Items().Any();
        if (!isEmptySequence && !(type == "NFC" && kind == PreTokenizerKind.Qwen2))
            throw new UnsupportedException(path, $"the normalizer '{type}' is not read.");
    }

    private static PreTokenizerKind ReadPreTokenizer(ModelJson? preTokenizer, bool ignoresMerges, string path)
    {
        if (preTokenizer is not { } json)
            throw new UnsupportedException(path, "there is no 'pre_tokenizer'; byte-level BPE needs one.");
        ModelJson[] steps = json.Get("type").AsString() == "Sequence" ? [.. json.Get("pretokenizers").Items()] : [json];
        bool digits = false;
        var regexes = new List<string>();
        PreTokenizerKind? kind = null;
        string unknown = "an unknown sequence of steps";
        foreach (ModelJson step in steps)
        {
            string type = step.Get("type").AsString();
            switch (type)
            {
                case "Digits" when step.Find("individual_digits") is { } individual && individual.AsBoolean() && kind is null:
                    digits = true;
                    continue;
                case "Split" when kind is null && step.Get("pattern").Find("Regex") is { } regex:
                    string pattern = regex.AsString();
                    unknown = $"the split pattern {pattern}";
                    if (step.Get("behavior").AsString() != "Isolated"
                        && !(step.Get("behavior").AsString() == "Removed" && step.Get("invert").AsBoolean())) break;
                    regexes.Add(pattern);
                    continue;
                case "ByteLevel":
                    if (step.Find("add_prefix_space") is { } prefix && prefix.AsBoolean()) unknown = "'add_prefix_space'";
                    else if (kind is null)
                    {
                        if (step.Find("use_regex")?.AsBoolean() ?? true) regexes.Add(PreTokenizers.Gpt2Regex);
                        kind = PreTokenizers.FromRegexes(regexes, ignoresMerges);
                        if (kind is not null) continue;
                    }
                    else if (!(step.Find("use_regex")?.AsBoolean() ?? true)) continue;
                    break;
                default:
                    unknown = $"the step '{type}'";
                    break;
            }

            throw UnknownPreTokenizer(path, unknown);
        }

        return (kind, digits) switch
        {
            (PreTokenizerKind.Gpt2, true) => PreTokenizerKind.SmolLm,
            ({ } known, false) => known,
            _ => throw UnknownPreTokenizer(path, unknown),
        };
    }

    private static UnsupportedException UnknownPreTokenizer(string path, string what) =>
        new(path, $"the pre-tokenizer is not known: {what}.",
            "A GGUF file that llama.cpp's convert_hf_to_gguf.py makes of the model can be measured.");

    private static (ImmutableArray<string> Tokens, ImmutableArray<TokenType> Types, Dictionary<string, int> Added) ReadTokens(
        ModelJson json, IEnumerable<(string Text, int Id)> vocabulary, int size, string path)
    {
        string?[] tokens = new string?[size];
        var types = new TokenType[size];
        Array.Fill(types, TokenType.Normal);
        foreach ((string text, int id) in vocabulary)
        {
            if (id >= size)
                throw new ModelFormatException(path, null, $"there are more pieces than the model's vocabulary has ({size}).");
            tokens[id] = tokens[id] is null ? text
                : throw new ModelFormatException(path, null, $"the tokens '{tokens[id]}' and '{text}' have the same id {id}.");
        }

        var added = new Dictionary<string, int>(StringComparer.Ordinal);
        if (json.Find("added_tokens") is { } list)
        {
            foreach (ModelJson token in list.Items())
            {
                int id = token.Get("id").AsInt32(0, size - 1);
                string text = token.Get("content").AsString();
                if (tokens[id] is { } other && other != text)
                    throw new ModelFormatException(path, null, $"the tokens '{other}' and '{text}' have the same id {id}.");
                if (!added.TryAdd(text, id)) throw new ModelFormatException(path, null, $"the added token '{text}' appears twice.");
                tokens[id] = text;
                types[id] = (token.Find("special")?.AsBoolean() ?? false) || LooksSpecial(text) ? TokenType.Control : TokenType.UserDefined;
            }
        }

        // The embedding has rows that no token uses; llama.cpp's converter gives them these names.
        for (int id = 0; id < size; id++)
        {
            if (tokens[id] is not null) continue;
            tokens[id] = $"[PAD{id}]";
            types[id] = TokenType.Unused;
        }

        return ([.. tokens.Select(token => token ?? "")], [.. types], added);
    }

    private static IEnumerable<(string Text, int Id)> ReadVocabulary(ModelJson model, int size) =>
        model.Get("vocab").Members().Select(token => (token.Name, token.Value.AsInt32(0, size - 1)));

    /// <summary>Whether a token that its maker forgot to mark as special is so by its form.</summary>
    internal static bool LooksSpecial(string text) =>
        text is "<pad>" or "<mask>" or "<2mass>" or "[@BOS@]"
        || (text.StartsWith("<|", StringComparison.Ordinal) && text.EndsWith("|>", StringComparison.Ordinal))
        || (text.StartsWith("<｜", StringComparison.Ordinal) && text.EndsWith("｜>", StringComparison.Ordinal))
        || (text.StartsWith("<unused", StringComparison.Ordinal) && text.EndsWith('>'));

    private static ImmutableArray<string> ReadMerges(ModelJson model, string path)
    {
        var merges = ImmutableArray.CreateBuilder<string>();
        foreach (ModelJson item in model.Get("merges").Items())
        {
            if (item.IsString)
            {
                merges.Add(item.AsString());
                continue;
            }

            // Newer files hold pairs.
            string[] pair = [.. item.Items().Select(part => part.AsString())];
            if (pair.Length != 2 || pair.Any(part => part.Contains(' '))) throw item.Wrong("a pair of tokens without spaces");
            merges.Add($"{pair[0]} {pair[1]}");
        }

        return merges.Count > 0 ? merges.ToImmutable() : throw new ModelFormatException(path, null, "'model.merges' is empty.");
    }

    private static ImmutableArray<(string Role, int Id)> ReadSpecialIds(ModelJson? tokenizerConfig, ModelJson config,
        Dictionary<string, int> added, int size)
    {
        var ids = ImmutableArray.CreateBuilder<(string Role, int Id)>();
        foreach (string role in Roles)
        {
            if (tokenizerConfig is { } json && TokenText(json, role) is { } text && added.TryGetValue(text, out int id))
                ids.Add((role, id));
            else if (config.Find($"{role}_token_id") is { IsNumber: true } number) ids.Add((role, number.AsInt32(0, size - 1)));
        }

        return ids.ToImmutable();
    }

    /// <summary>Text of a special token, which files give as a string or as an object.</summary>
    private static string? TokenText(ModelJson config, string role) => config.Find($"{role}_token") switch
    {
        { IsString: true } text => text.AsString(),
        { IsObject: true } token => token.Find("content")?.AsString(),
        _ => null,
    };

    private static bool? AddFlag(ModelJson? config, string role) =>
        config?.Find($"add_{role}_token") is { IsBoolean: true } flag ? flag.AsBoolean() : null;

    /// <summary>Whether the template that is put around a text starts with BOS; null when there is no such template.</summary>
    private static bool? TemplateAddsBos(ModelJson? postProcessor, string? bosText)
    {
        if (postProcessor is not { } json) return null;
        ModelJson[] processors = json.Find("processors") is { } several ? [.. several.Items()] : [json];
        foreach (ModelJson processor in processors)
        {
            if (processor.Get("type").AsString() != "TemplateProcessing") continue;
            ModelJson[] single = [.. processor.Get("single").Items()];
            if (single.Length > 1 && single[0].Find("SpecialToken") is { } first)
                return bosText is null || first.Get("id").AsString() == bosText;
        }

        return null;
    }
}
