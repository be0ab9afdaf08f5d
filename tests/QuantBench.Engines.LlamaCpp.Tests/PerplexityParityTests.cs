using System.Text.Json;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests;

[Collection(LlamaCollection.Name)]
public sealed class PerplexityParityTests(LlamaFixture fixture)
{
    private const int ContextLength = 512;

    // llama-perplexity's running mean of the NLL after each chunk; see Golden/README.md.
    private static readonly double[] s_runningNll = [3.759830, 3.559138, 3.409632, 3.484079];

    [NpmTheory(NpmPackage.Texts)]
    [InlineData(1)] // chunk after chunk
    [InlineData(4)] // four sequences in one batch, as llama-perplexity does
    public void Logits_GiveLlamaPerplexitysFigures(int sequences)
    {
        using IInferenceSession session = fixture.Session(ContextLength, sequences);
        var running = new List<double>();
        double sum = 0;
        for (int first = 0; first < s_runningNll.Length; first += sequences)
        {
            session.Reset();
            var batch = new TokenBatch();
            for (int s = 0; s < sequences; s++)
            {
                for (int i = 0; i < ContextLength; i++)
                    batch.Add(fixture.Tokens[((first + s) * ContextLength) + i], s, i >= ContextLength / 2);
            }

            session.Append(batch, CancellationToken.None);
            for (int s = 0; s < sequences; s++)
            {
                for (int i = ContextLength / 2; i < ContextLength - 1; i++)
                {
                    int row = (s * ContextLength / 2) + i - (ContextLength / 2);
                    sum += TokenBatches.Nll(session.Logits(row), fixture.Tokens[((first + s) * ContextLength) + i + 1]);
                }

                running.Add(sum / ((first + s + 1) * 255));
            }
        }

        for (int i = 0; i < s_runningNll.Length; i++) Assert.Equal(s_runningNll[i], running[i], 2e-5 * s_runningNll[i]);
    }

    [NpmFact(NpmPackage.Texts)]
    public void Tokenizer_GivesLlamaTokenizesFirstTokens()
    {
        using JsonDocument golden =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "expected.json")));

        int[] expected = [.. golden.RootElement.GetProperty("first_tokens").EnumerateArray().Select(e => e.GetInt32())];

        Assert.Equal(expected, fixture.Tokens[..expected.Length]);
    }

    [NpmFact(NpmPackage.Texts)]
    public void OurTokenizer_GivesLlamaTokenizesIds_OnTheWholeTestText()
    {
        string text = ReferenceText.Sotu();
        using LlamaTokenizer theirs = LlamaTokenizer.Load(fixture.Library, fixture.F32.Path);
        ITextTokenizer ours = ModelSource.OpenTokenizer(ModelSource.Open(RepositoryRoot.Combine("datasets", "reference-model")));

        int[] expected = theirs.Encode(text);
        int[] ids = ours.Encode(text);

        Assert.Equal(ReferenceTokens.Count, ids.Length);
        Assert.True(ids.AsSpan().SequenceEqual(expected));
    }
}
