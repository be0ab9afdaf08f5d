using System.Collections.Immutable;

namespace QuantBench.Formats.Tokenizers;

/// <summary>Merges a long piece in n·log n steps; the library's merging is quadratic, which a text without breaks would feel.</summary>
internal sealed class LongPieceMerger
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _merges = [];

    /// <param name="ids">Ids of tokens.</param>
    /// <param name="merges">Merges whose parts and results are tokens.</param>
    public LongPieceMerger(Dictionary<string, int> ids, ImmutableArray<string> merges)
    {
        _ids = ids;
        for (int rank = 0; rank < merges.Length; rank++)
        {
            int space = merges[rank].IndexOf(' ', 1);
            string left = merges[rank][..space];
            string right = merges[rank][(space + 1)..];
            _merges.TryAdd((ids[left], ids[right]), (rank, ids[left + right]));
        }
    }

    /// <summary>Token ids of a piece in the byte-level alphabet; characters without a token are dropped at the end, and never
    /// merge.</summary>
    public int[] Merge(string word)
    {
        int[] ids = new int[word.Length];
        int[] next = new int[word.Length];
        int[] previous = new int[word.Length];
        var queue = new PriorityQueue<(int At, int Left, int Right), (int Rank, int At)>();
        for (int i = 0; i < word.Length; i++)
        {
            ids[i] = _ids.GetValueOrDefault(word[i].ToString(), -1);
            next[i] = i + 1;
            previous[i] = i - 1;
        }

        for (int i = 0; i + 1 < word.Length; i++) Offer(i);
        while (queue.TryDequeue(out (int At, int Left, int Right) pair, out _))
        {
            int at = pair.At;
            int after = next[at];

            // Either half may have been merged away since the pair was queued.
            if (ids[at] != pair.Left || after >= word.Length || ids[after] != pair.Right) continue;
            ids[at] = _merges[(pair.Left, pair.Right)].Id;
            ids[after] = -2;
            next[at] = next[after];
            if (next[at] < word.Length) previous[next[at]] = at;
            if (previous[at] >= 0) Offer(previous[at]);
            Offer(at);
        }

        return [.. ids.Where(id => id >= 0)];

        void Offer(int at)
        {
            int after = next[at];
            if (after < word.Length && _merges.TryGetValue((ids[at], ids[after]), out (int Rank, int Id) merge))
                queue.Enqueue((at, ids[at], ids[after]), (merge.Rank, at));
        }
    }
}
