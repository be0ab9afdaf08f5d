using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace QuantBench.TestKit;

/// <summary>
/// Token ids of <see cref="ReferenceText.Sotu"/> under the reference model's tokenizer, as llama.cpp v0.5.0's <c>llama-tokenize --ids
/// --no-bos --no-parse-special</c> prints them.
/// </summary>
public static class ReferenceTokens
{
    /// <summary>Number of ids.</summary>
    public const int Count = 240160;

    /// <summary>SHA-256 of the ids as little-endian 32-bit numbers.</summary>
    public const string Sha256 = "4fbc372138abf5ed8cb4b93e9f8a6f4f83e71a2e38ebac467e14a55f5c51fc9f";

    /// <summary>The first ids.</summary>
    public static int[] First =>
        [72, 291, 309, 1845, 268, 260, 1563, 284, 404, 291, 309, 1845, 268, 260, 1869, 268, 2390, 59, 519, 327, 345, 3455, 3464, 2734];

    /// <summary>SHA-256 of any ids, to compare with <see cref="Sha256"/>.</summary>
    /// <param name="ids">Token ids.</param>
    public static string Hash(ReadOnlySpan<int> ids) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(ids)));
}
