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

    /// <summary>Reads a model of the kind BPE, without its BOS token.</summary>
    /// <param name="directory">A Hugging Face directory; <c>added_tokens.json</c> and <c>tokenizer_config.json</c> in it add
    /// tokens.</param>
    /// <param name="size">The model's <c>vocab_size</c>.</param>
    /// <param name="config"><c>tokenizer_config.json</c>, if there is one.</param>
    /// <exception cref="QuantBenchException">It is broken, or of another kind.</exception>
    public static SentencePieceDefinition Read(string directory, int size, ModelJson? config)
    {
        string path = Path.Combine(directory, "tokenizer.model");
        string[] tokens = [.. Enumerable.Range(0, size).Select(id => $"[PAD{id}]")];
        float[] scores = new float[size];
        Array.Fill(scores, NoPiece);
        var types = new TokenType[size];
        Array.Fill(types, TokenType.Unused);
        bool prefix;
        try
        {
            prefix = ReadModel(Bytes(path), tokens, scores, types, path);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException(path, null, $"this is no SentencePiece model: {e.Message}", "Fetch the file again.", e);
        }

        AddTokens(directory, config, tokens, scores, types);
        return new SentencePieceDefinition([.. tokens], [.. types], [.. scores], prefix, null);
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

    private static bool ReadModel(byte[] bytes, string[] tokens, float[] scores, TokenType[] types, string path)
    {
        var input = new CodedInputStream(bytes);
        bool prefix = true;
        long kind = 1; // the format's default: Unigram
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
                    kind = Number(input.ReadBytes(), 3) ?? kind;
                    break;
                case (3 << 3) | 2:
                    prefix = Number(input.ReadBytes(), 3) is not 0;
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        if (kind != 2)
        {
            string name = kind switch { 1 => "Unigram", 3 => "Word", 4 => "Char", _ => kind.ToString(CultureInfo.InvariantCulture) };
            throw new UnsupportedException(path, $"SentencePiece models of the kind {name} are not read; BPE is.",
                "A GGUF file that llama.cpp's convert_hf_to_gguf.py makes of the model can be measured.");
        }

        return count > 0 ? prefix : throw new ModelFormatException(path, null, "there are no pieces in it.");
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

    /// <summary>A whole number of a message, or null.</summary>
    private static long? Number(ByteString message, int field)
    {
        CodedInputStream input = message.CreateCodedInput();
        long? value = null;
        while (input.ReadTag() is var tag and not 0)
        {
            if (tag == (uint)field << 3) value = input.ReadInt64();
            else input.SkipLastField();
        }

        return value;
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
}
