using System.Globalization;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Formats.Tokenizers;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Fuzzing;

/// <summary>
/// 20,000 mutated tokenizer files (another number: QUANTBENCH_FUZZ_TOKENIZERS), always the same ones: each is read and tokenizes, or there
/// is one clear error, with no more memory than comes with the file's size and the vocabulary's. A crash or hang ends the test run.
/// </summary>
public sealed class TokenizerFuzzTests : IDisposable
{
    private const string Text = "the other thing in an  éaé \U00010400 <s> 12 ﬁ\t\u200B";
    private const int Kinds = 6;

    // Vocabulary tables cost the same whatever the file holds.
    private const long MaxBytes = 4 << 20;

    private static readonly int s_mutations = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_TOKENIZERS") ?? "20000", NumberStyles.None, CultureInfo.InvariantCulture);

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void SentencePieceModel_RaisesOnlyClearErrors_WhenMutated() =>
        Run("tokenizer.model", TinySentencePiece.Model(), TinySentencePiece.Count + 1);

    [Fact]
    public void SentencePieceJson_RaisesOnlyClearErrors_WhenMutated() =>
        Run("tokenizer.json", Encoding.UTF8.GetBytes(TinySentencePiece.Json().ToJsonString()), TinySentencePiece.Count + 1);

    [Fact]
    public void BpeJson_RaisesOnlyClearErrors_WhenMutated() =>
        Run("tokenizer.json", Encoding.UTF8.GetBytes(TinyModel.Tokenizer().ToJsonString()), TinyModel.VocabularySize);

    [Fact]
    public void UnigramModel_RaisesOnlyClearErrors_WhenMutated() =>
        Run("tokenizer.model", UnigramFiles.Tiny(bytesFallBack: true).Model(), UnigramFiles.Tiny().Count);

    [Fact]
    public void UnigramJson_RaisesOnlyClearErrors_WhenMutated() =>
        Run("tokenizer.json", Encoding.UTF8.GetBytes(UnigramFiles.Tiny().Json().ToJsonString()), UnigramFiles.Tiny().Count);

    [Fact]
    public void Config_RaisesOnlyClearErrors_WhenMutated() => Run("tokenizer_config.json",
        """{"bos_token":{"content":"<s>"},"add_bos_token":true,"added_tokens_decoder":{"1":{"content":"<s>","special":true}}}"""u8
            .ToArray(),
        TinySentencePiece.Count + 1);

    private void Run(string file, byte[] original, int vocabulary)
    {
        TinySentencePiece.Write(_folder.Path, TinySentencePiece.Model());
        var random = new Random(20_261_130);
        int accepted = 0, refused = 0;
        for (int i = 0; i < s_mutations / Kinds; i++)
        {
            byte[] bytes = Mutate(original, random);
            File.WriteAllBytes(_folder.Combine(file), bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ITextTokenizer tokenizer = HuggingFaceTokenizer.Read(_folder.Path, vocabulary).Definition.Open();
                Assert.All(tokenizer.Encode(Text), id => Assert.InRange(id, 0, vocabulary - 1));
                accepted++;
            }
            catch (Exception e) when (e is ModelFormatException or UnsupportedException)
            {
                Assert.Contains(_folder.Path, e.Message, StringComparison.Ordinal);
                refused++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"mutation {i}: {e}");
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxBytes + (64 * bytes.Length), $"mutation {i}: {allocated} bytes for a file of {bytes.Length}");
        }

        Assert.True(refused > s_mutations / (20 * Kinds), $"{refused} were refused");
        Assert.True(accepted > s_mutations / (1000 * Kinds), $"{accepted} were accepted");
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = original.ToList();
        for (int changes = random.Next(1, 4); changes > 0 && bytes.Count > 8; changes--)
        {
            int at = random.Next(bytes.Count), count = Math.Min(random.Next(1, 24), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, count);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - count + 1), count));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    bytes[at] = (byte)"0123456789-\"{}[],:etrufalsn"[random.Next(27)];
                    break;
            }
        }

        return [.. bytes];
    }
}
