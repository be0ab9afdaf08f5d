using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Formats.Tokenizers;

/// <summary>What a token file was made from.</summary>
/// <param name="TextSha256">SHA-256 of the text.</param>
/// <param name="TokenizerSha256">SHA-256 of the tokenizer's definition.</param>
/// <param name="BosToken">BOS token the tokenizer adds, or null.</param>
public sealed record TokenFileHeader(string TextSha256, string TokenizerSha256, int? BosToken)
{
    /// <summary>SHA-256 of ids and lengths as they lie in the file; written by <see cref="TokenFile.Write"/>, null in files of older
    /// versions.</summary>
    public string? TokensSha256 { get; init; }
}

/// <summary>
/// A tokenized text on disk: magic <c>QBTK</c>, header length (u32), header (JSON), token count (u32), ids (i32 each), bytes of text per
/// token (u16 each); little-endian. Written once per text and tokenizer, read by workers.
/// </summary>
public sealed class TokenFile
{
    private const uint Magic = 0x4B544251; // "QBTK"

    private TokenFile(TokenFileHeader header, int[] tokens, ushort[] tokenBytes) =>
        (Header, Tokens, TokenBytes) = (header, tokens, tokenBytes);

    /// <summary>What it was made from.</summary>
    public TokenFileHeader Header { get; }

    /// <summary>Token ids.</summary>
    public int[] Tokens { get; }

    /// <summary>Bytes of text per token; as long as <see cref="Tokens"/>.</summary>
    public ushort[] TokenBytes { get; }

    /// <summary>Writes a token file atomically (temporary file, rename).</summary>
    /// <param name="path">Where to.</param>
    /// <param name="header">What it was made from.</param>
    /// <param name="tokens">Token ids.</param>
    /// <param name="tokenBytes">Bytes of text per token.</param>
    public static void Write(string path, TokenFileHeader header, ReadOnlySpan<int> tokens, ReadOnlySpan<ushort> tokenBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(tokenBytes.Length, tokens.Length);
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        using (FileStream stream = File.Create(temporary))
        {
            header = header with { TokensSha256 = HashOf(MemoryMarshal.AsBytes(tokens), MemoryMarshal.AsBytes(tokenBytes)) };
            byte[] json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header, Json.Line));
            Span<byte> word = stackalloc byte[4];
            WriteUInt32(stream, word, Magic);
            WriteUInt32(stream, word, (uint)json.Length);
            stream.Write(json);
            WriteUInt32(stream, word, (uint)tokens.Length);
            stream.Write(MemoryMarshal.AsBytes(tokens));
            stream.Write(MemoryMarshal.AsBytes(tokenBytes));
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads a token file.</summary>
    /// <exception cref="ModelFormatException">The file isn't a whole token file.</exception>
    public static TokenFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length < 12 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw Broken(path, 0, "this is not a token file.");
        uint headerLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4));
        if (headerLength > bytes.Length - 12)
            throw Broken(path, 4, $"the header claims {headerLength} bytes, but the file has {bytes.Length}.");
        int at = 8 + (int)headerLength;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
        at += 4;
        if (count * 6UL != (ulong)(bytes.Length - at))
            throw Broken(path, at - 4, $"{count} tokens don't fill the {bytes.Length - at} bytes that follow.");
        try
        {
            TokenFileHeader header = JsonSerializer.Deserialize<TokenFileHeader>(bytes.AsSpan(8, (int)headerLength), Json.Line)
                ?? throw Broken(path, 8, "the header is empty.");
            int idBytes = checked((int)count * 4);
            if (header.TokensSha256 is { } hash && hash != HashOf(bytes.AsSpan(at, idBytes), bytes.AsSpan(at + idBytes)))
                throw Broken(path, at, $"its tokens aren't those that were written: their SHA-256 isn't {hash}.");
            int[] tokens = MemoryMarshal.Cast<byte, int>(bytes.AsSpan(at, idBytes)).ToArray();
            ushort[] lengths = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan(at + idBytes)).ToArray();
            return new TokenFile(header, tokens, lengths);
        }
        catch (JsonException e)
        {
            throw Broken(path, 8, $"the header is not JSON: {e.Message}");
        }
    }

    private static string HashOf(ReadOnlySpan<byte> ids, ReadOnlySpan<byte> lengths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(ids);
        hash.AppendData(lengths);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static ModelFormatException Broken(string path, long offset, string problem) =>
        new(path, offset, problem, "Delete the file; it is made again when needed.");

    private static void WriteUInt32(FileStream stream, Span<byte> word, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(word, value);
        stream.Write(word);
    }
}
