using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Formats.Tokenizers;
using QuantBench.Runner.Datasets;

namespace QuantBench.Runner.Tokenizers;

/// <summary>Token files, one per text and tokenizer, so that a text is tokenized once and not in every worker.</summary>
/// <param name="cacheRoot">Cache root; the files lie in its <c>tokens</c>.</param>
public sealed class TokenCache(string cacheRoot)
{
    /// <summary>Path of the token file of a text; makes it when it isn't there.</summary>
    /// <param name="text">The text.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">The text can't be tokenized.</exception>
    public async Task<string> PathOfAsync(DatasetText text, ModelTokenizer tokenizer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(tokenizer);
        byte[] key = SHA256.HashData(Encoding.UTF8.GetBytes($"tokens-v1\n{text.Sha256}\n{tokenizer.Sha256}\n{tokenizer.BosToken}"));
        string path = Path.Combine(cacheRoot, "tokens", $"{Convert.ToHexStringLower(key)[..32]}.qbtk");
        if (IsWhole(path, text, tokenizer)) return path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!); // a file below the cache root has a directory
        await tokenizer.WriteAsync(text, path, cancellationToken);
        return path;
    }

    private static bool IsWhole(string path, DatasetText text, ModelTokenizer tokenizer)
    {
        if (!File.Exists(path)) return false;
        try
        {
            TokenFileHeader header = TokenFile.Read(path).Header;
            return header.TextSha256 == text.Sha256 && header.TokenizerSha256 == tokenizer.Sha256 && header.TokensSha256 is not null;
        }
        catch (ModelFormatException)
        {
            return false;
        }
    }
}
