using System.Globalization;
using Google.Protobuf;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Tokenizers;

/// <summary><c>tokenizer.model</c>: SentencePiece's own file, a <c>ModelProto</c> (sentencepiece_model.proto).</summary>
internal static class SentencePieceFile
{
    private const long MaxFileBytes = 64 << 20;
    private const float NoPiece = -10_000;
    private const float Added = -1000;

    /// <summary>Reads a model of the kind BPE or Unigram, without its BOS token.</summary>
    /// <param name="directory">A Hugging Face directory; <c>added_tokens.json</c> and <c>tokenizer_config.json</c> in it add
    /// tokens.</param>
    /// <param name="size">The model's <c>vocab_size</c>.</param>
    /// <param name="config"><c>tokenizer_config.json</c>, if there is one.</param>
    /// <exception cref="QuantBenchException">It is broken, or of another kind.</exception>
    public static TokenizerDefinition Read(string directory, int size, ModelJson? config)
    {
        string path = Path.Combine(directory, "tokenizer.model");
        string[] tokens = [.. Enumerable.Range(0, size).Select(id => $"[PAD{id}]")];
        float[] scores = new float[size];
        Array.Fill(scores, NoPiece);
        var types = new TokenType[size];
        Array.Fill(types, TokenType.Unused);
        Settings settings;
        try
        {
            settings = ReadModel(Bytes(path), tokens, scores, types, path);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException(path, null, $"this is no SentencePiece model: {e.Message}", "Fetch the file again.", e);
        }

        AddTokens(directory, config, tokens, scores, types);
        return settings.IsUnigram ? Unigram(tokens, scores, types, settings, path)
            : new SentencePieceDefinition([.. tokens], [.. types], [.. scores], settings.AddsPrefix, null);
    }

    private static UnigramDefinition Unigram(string[] tokens, float[] scores, TokenType[] types, Settings settings, string path)
    {
        int unknown = Array.IndexOf(types, TokenType.Unknown);
        if (unknown < 0) throw new ModelFormatException(path, null, "none of its pieces is the unknown one.");
        if (settings.Refused is { } setting)
            throw new UnsupportedException(path, $"Unigram with '{setting}' is not read.");
        return new UnigramDefinition([.. tokens], [.. types], [.. scores], unknown, null)
        {
            AddSpacePrefix = settings.AddsPrefix,
            RemoveExtraSpaces = settings.RemovesExtraSpaces,
            BytesFallBack = settings.BytesFallBack,
            CharacterMap = [.. settings.CharacterMap],
        };
    }

    private static byte[] Bytes(string path)
    {
        var info = new FileInfo(path);
        if (info.Length > MaxFileBytes)
            throw new ModelFormatException(path, null, $"{info.Length} bytes are too many for a SentencePiece model.");
        byte[] bytes = File.ReadAllBytes(path);
        ForeignFile.Refuse(bytes, path, "a SentencePiece model");
        return bytes;
    }

    private static Settings ReadModel(byte[] bytes, string[] tokens, float[] scores, TokenType[] types, string path)
    {
        var input = new CodedInputStream(bytes);
        var settings = new Settings();
        int count = 0;
        while (input.ReadTag() is var tag and not 0)
        {
            switch (tag)
            {
                case (1 << 3) | 2 when count >= tokens.Length:
                    throw new ModelFormatException(path, null,
                        $"there are more pieces than the model's vocabulary has ({tokens.Length}).");
                case (1 << 3) | 2:
                    (tokens[count], scores[count], types[count]) = ReadPiece(input.ReadBytes());
                    count++;
                    break;
                case (2 << 3) | 2:
                    ReadTrainer(input.ReadBytes(), settings);
                    break;
                case (3 << 3) | 2:
                    ReadNormalizer(input.ReadBytes(), settings);
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        if (settings.Kind is not (1 or 2))
        {
            string name = settings.Kind switch { 3 => "Word", 4 => "Char", var kind => kind.ToString(CultureInfo.InvariantCulture) };
            throw new UnsupportedException(path, $"SentencePiece models of the kind {name} are not read; BPE and Unigram are.",
                "A GGUF file that llama.cpp's convert_hf_to_gguf.py makes of the model can be measured.");
        }

        return count > 0 ? settings : throw new ModelFormatException(path, null, "there are no pieces in it.");
    }

    private static void ReadTrainer(ByteString message, Settings settings)
    {
        CodedInputStream input = message.CreateCodedInput();
        while (input.ReadTag() is var tag and not 0)
        {
            if (tag == 3 << 3) settings.Kind = input.ReadInt64();
            else if (tag == 24 << 3) settings.Refuse(input.ReadBool(), "treat_whitespace_as_suffix");
            else if (tag == 35 << 3) settings.BytesFallBack = input.ReadBool();
            else input.SkipLastField();
        }
    }

    private static void ReadNormalizer(ByteString message, Settings settings)
    {
        CodedInputStream input = message.CreateCodedInput();
        while (input.ReadTag() is var tag and not 0)
        {
            if (tag == ((2 << 3) | 2)) settings.CharacterMap = input.ReadBytes().ToByteArray();
            else if (tag == 3 << 3) settings.AddsPrefix = input.ReadBool();
            else if (tag == 4 << 3) settings.RemovesExtraSpaces = input.ReadBool();
            else if (tag == 5 << 3) settings.Refuse(!input.ReadBool(), "escape_whitespaces: false");
            else input.SkipLastField();
        }
    }

    private static (string Text, float Score, TokenType Type) ReadPiece(ByteString message)
    {
        CodedInputStream input = message.CreateCodedInput();
        string text = "";
        float score = 0;
        int type = 1;
        while (input.ReadTag() is var tag and not 0)
        {
            switch (tag)
            {
                case (1 << 3) | 2:
                    text = input.ReadString();
                    break;
                case (2 << 3) | 5:
                    score = input.ReadFloat();
                    break;
                case 3 << 3:
                    type = input.ReadEnum();
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        // The numbers are those of TokenType.
        return type == (int)TokenType.UserDefined ? (text.Replace(SentencePieceDefinition.Space, ' '), score, TokenType.UserDefined)
            : (text, score, (TokenType)type);
    }

    private static void AddTokens(string directory, ModelJson? config, string[] tokens, float[] scores, TokenType[] types)
    {
        string path = Path.Combine(directory, "added_tokens.json");
        if (File.Exists(path))
        {
            foreach ((string text, ModelJson id) in ModelJson.ReadFile(path).Members())
            {
                int at = id.AsInt32(0, int.MaxValue);
                if (at < tokens.Length) (tokens[at], scores[at], types[at]) = (text, Added, TokenType.UserDefined);
            }
        }

        if (config?.Find("added_tokens_decoder") is not { } added) return;
        foreach ((string key, ModelJson token) in added.Members())
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id)) throw token.Wrong("a token under its id");
            if (id >= tokens.Length) continue;
            string text = token.Get("content").AsString();
            bool special = (token.Find("special")?.AsBoolean() ?? false) || HuggingFaceTokenizer.LooksSpecial(text);
            if (types[id] == TokenType.Unknown && tokens[id] == text) continue;
            scores[id] = types[id] is TokenType.Unused ? Added : scores[id];
            (tokens[id], types[id]) = special ? (text, TokenType.Control)
                : (text.Replace(SentencePieceDefinition.Space, ' '), TokenType.UserDefined);
        }
    }

    /// <summary>What the file says beside its pieces; what it doesn't say has the format's defaults.</summary>
    private sealed class Settings
    {
        public long Kind { get; set; } = 1;

        public bool IsUnigram => Kind == 1;

        public bool AddsPrefix { get; set; } = true;

        public bool RemovesExtraSpaces { get; set; } = true;

        public bool BytesFallBack { get; set; }

        public byte[] CharacterMap { get; set; } = [];

        public string? Refused { get; private set; }

        public void Refuse(bool given, string name)
        {
            if (given) Refused = name;
        }
    }
}
