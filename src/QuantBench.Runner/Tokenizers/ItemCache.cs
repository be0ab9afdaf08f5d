using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Tasks;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tokenizers;

/// <summary>Stored sets of items, and their tokens by tokenizer: made once and not in every worker.</summary>
/// <param name="cacheRoot">Cache root; the files lie in its <c>tasks</c>.</param>
internal sealed class ItemCache(string cacheRoot)
{
    private readonly string _root = Path.Combine(Path.GetFullPath(cacheRoot), "tasks");

    /// <summary>Paths of a set and its tokens; made when they aren't here.</summary>
    /// <param name="set">The items.</param>
    /// <param name="tokenizer">The model's tokenizer; null = none is known.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">They can't be tokenized.</exception>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    public async Task<WorkerItems> PathsOfAsync(TaskSet set, ModelTokenizer? tokenizer, CancellationToken cancellationToken)
    {
        string setPath = Path.Combine(_root, $"{set.Sha256[..32]}.jsonl");
        try
        {
            Directory.CreateDirectory(_root);
            if (!IsWhole(setPath, set)) Store(setPath, set);
            if (tokenizer is null) return new WorkerItems(setPath, null);
            byte[] key = SHA256.HashData(Encoding.UTF8.GetBytes($"tasks-v1\n{set.Sha256}\n{tokenizer.Sha256}\n{tokenizer.BosToken}"));
            string path = Path.Combine(_root, $"{Convert.ToHexStringLower(key)[..32]}.qbtt");
            if (!IsWhole(path, set, tokenizer)) await tokenizer.WriteAsync(set, setPath, path, cancellationToken);
            return new WorkerItems(setPath, path);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"items of tasks can't be kept in {_root}", e,
                "Free space there, or name another place with --cache DIR.");
        }
    }

    private static void Store(string path, TaskSet set)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllBytes(temporary, set.Lines.ToArray());
        File.Move(temporary, path, overwrite: true);
    }

    private static bool IsWhole(string path, TaskSet set) =>
        File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(set.Lines.Span);

    private static bool IsWhole(string path, TaskSet set, ModelTokenizer tokenizer)
    {
        if (!File.Exists(path)) return false;
        try
        {
            var read = TaskTokens.Read(path);
            return read.SetSha256 == set.Sha256 && read.TokenizerSha256 == tokenizer.Sha256;
        }
        catch (ModelFormatException)
        {
            return false;
        }
    }
}
