using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Inference.Tasks;

/// <summary>
/// A set's texts as a model's token ids, and the text of every id. Layout, little-endian: magic <c>QBTT</c>, version 1 (u32), SHA-256 of
/// set and tokenizer (strings), ids in the vocabulary (i32), text of each (u16 length, UTF-8); number of items (i32), per item its
/// sequences (i32), per sequence where the scored part begins (i32), its length (i32), ids (i32 each).
/// </summary>
public sealed class TaskTokens
{
    private const uint Magic = 0x54544251; // "QBTT"
    private const uint Version = 1;

    private readonly byte[][] _pieces;
    private readonly ImmutableArray<ImmutableArray<TaskSequence>> _items;

    private TaskTokens(string set, string tokenizer, byte[][] pieces, ImmutableArray<ImmutableArray<TaskSequence>> items) =>
        (SetSha256, TokenizerSha256, _pieces, _items) = (set, tokenizer, pieces, items);

    /// <summary>SHA-256 of the set.</summary>
    public string SetSha256 { get; }

    /// <summary>SHA-256 of the tokenizer's definition.</summary>
    public string TokenizerSha256 { get; }

    /// <summary>Number of ids.</summary>
    public int VocabularySize => _pieces.Length;

    /// <summary>Tokens of the longest sequence.</summary>
    public int Longest => _items.Max(i => i.Max(s => s.Tokens.Length));

    /// <summary>An item's token sequences: its prompt, or its choices with their contexts.</summary>
    /// <param name="item">Number of the item, from 0.</param>
    public ImmutableArray<TaskSequence> Of(int item) => _items[item];

    /// <summary>UTF-8 text of a token; empty for special ones.</summary>
    /// <param name="token">Token id.</param>
    public ReadOnlySpan<byte> Bytes(int token) => token < _pieces.Length ? _pieces[token] : [];

    /// <summary>Tokenizes a set.</summary>
    /// <param name="set">The set.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <exception cref="UnsupportedException">An answer is to be generated, and the tokenizer doesn't say what its tokens mean.</exception>
    public static TaskTokens Make(TaskSet set, ITextTokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(tokenizer);
        byte[][] pieces = [];
        if (set.Items.Any(i => !i.IsChoice)) pieces = [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.Bytes)];
        return new TaskTokens(set.Sha256, tokenizer.Sha256, pieces, [.. set.Items.Select(i => Sequences(i, tokenizer))]);
    }

    /// <summary>Writes the file.</summary>
    /// <param name="path">Where to; its directory exists.</param>
    public void Write(string path)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        using (var writer = new BinaryWriter(File.Create(temporary)))
        {
            writer.Write(Magic);
            writer.Write(Version);
            writer.Write(SetSha256);
            writer.Write(TokenizerSha256);
            writer.Write(_pieces.Length);
            foreach (byte[] piece in _pieces)
            {
                writer.Write(checked((ushort)piece.Length));
                writer.Write(piece);
            }

            writer.Write(_items.Length);
            foreach (ImmutableArray<TaskSequence> item in _items)
            {
                writer.Write(item.Length);
                foreach (TaskSequence sequence in item)
                {
                    writer.Write(sequence.From);
                    writer.Write(sequence.Tokens.Length);
                    writer.Write(MemoryMarshal.AsBytes(sequence.Tokens.AsSpan()));
                }
            }
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">It isn't one.</exception>
    public static TaskTokens Read(string path)
    {
        using FileStream file = DiskFault.AsRequest($"The tokens {path} can't be read", "Start the run again; it makes them.",
            () => File.OpenRead(path));
        using var reader = new BinaryReader(file);
        try
        {
            if (reader.ReadUInt32() != Magic || reader.ReadUInt32() != Version) throw Broken(path);
            string set = reader.ReadString();
            string tokenizer = reader.ReadString();
            byte[][] pieces = new byte[Count(2)][];
            for (int i = 0; i < pieces.Length; i++)
            {
                int length = reader.ReadUInt16();
                pieces[i] = length <= file.Length - file.Position ? reader.ReadBytes(length) : throw Broken(path);
            }

            var items = new ImmutableArray<TaskSequence>[Count(4)];
            for (int i = 0; i < items.Length; i++)
            {
                var sequences = new TaskSequence[Count(8)];
                for (int s = 0; s < sequences.Length; s++)
                {
                    int from = reader.ReadInt32();
                    int[] tokens = new int[Count(4)];
                    reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(tokens.AsSpan()));
                    if (from < 0 || from > tokens.Length || tokens.Length == 0 || tokens.Any(t => t < 0)) throw Broken(path);
                    sequences[s] = new TaskSequence([.. tokens], from);
                }

                if (sequences.Length == 0) throw Broken(path);
                items[i] = [.. sequences];
            }

            return items.Length > 0 ? new TaskTokens(set, tokenizer, pieces, [.. items]) : throw Broken(path);
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            throw Broken(path);
        }

        // A count of things of at least so many bytes each, which must still be there.
        int Count(int bytes)
        {
            int count = reader.ReadInt32();
            return count >= 0 && count <= (file.Length - file.Position) / bytes ? count : throw Broken(path);
        }
    }

    private static ImmutableArray<TaskSequence> Sequences(TaskItem item, ITextTokenizer tokenizer)
    {
        int[] bos = tokenizer.BosToken is { } token ? [token] : [];
        if (!item.IsChoice) return [new TaskSequence([.. bos, .. tokenizer.Encode(item.Prompt)], 0)];
        int[][] all = [.. item.Choices.Select(c => (int[])[.. bos, .. tokenizer.Encode(c.Context + c.Text)])];
        if (item.Choices.All(c => c.Context == item.Choices[0].Context))
        {
            // llama-perplexity's rule: what all have in common at the start isn't scored. A choice that is all of it keeps its last token.
            int common = all.Min(a => a.AsSpan().CommonPrefixLength(all[0]));
            return [.. all.Select(a => new TaskSequence([.. a], Math.Clamp(common, 1, Math.Max(1, a.Length - 1))))];
        }

        return
        [
            .. all.Zip(item.Choices, (a, c) =>
                new TaskSequence([.. a], Math.Clamp(bos.Length + tokenizer.Encode(c.Context).Length, 1, Math.Max(1, a.Length - 1)))),
        ];
    }

    private static ModelFormatException Broken(string path) =>
        new(path, null, "this is not a whole file of items' tokens.", "Delete the file; it is made again.");
}

/// <summary>Tokens of a prompt, or of a choice with its context.</summary>
/// <param name="Tokens">Token ids, BOS included; at least one.</param>
/// <param name="From">First scored token, at least 1; 0 for a prompt.</param>
public sealed record TaskSequence(ImmutableArray<int> Tokens, int From);
