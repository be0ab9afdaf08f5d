using System.Collections.Immutable;
using System.Text;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Traffic;

/// <summary>
/// Makes requests. A prompt is words that most tokenizers have as one token each, drawn by the seed and the request's number: no two have a
/// start in common but the shared prefix, so that a cache of prompts gives nothing away unasked.
/// </summary>
internal sealed class RequestFactory
{
    private static readonly ImmutableArray<string> s_words =
    [
        .. ("time year people way day man thing woman life child world school state family student group country problem hand part place "
            + "case week company system program question work government number night point home water room mother area money story fact "
            + "month lot right study book eye job word business issue side kind head house service friend father power hour game line end "
            + "member law car city community name president team minute idea kid body information back parent face others level office "
            + "door health person art war history party result change morning reason research girl guy moment air teacher force education "
            + "river hill stone tree light sound ship field paper wall table glass bread horse bird fish snow wind fire rain song dance "
            + "road bridge boat plane train street market garden kitchen window letter picture color green blue red white black gold "
            + "silver north south east west spring summer autumn winter north early late small large open close high low long short")
            .Split(' '),
    ];

    private readonly TrafficPlan _plan;
    private readonly string _model;

    /// <summary>A factory.</summary>
    /// <param name="plan">Lengths and seed.</param>
    /// <param name="model">The server's name of the model.</param>
    public RequestFactory(TrafficPlan plan, string model) => (_plan, _model) = (plan, model);

    /// <summary>Makes a conversation's first request, or the one that follows an answer.</summary>
    /// <param name="index">Number of the request.</param>
    /// <param name="before">The turns so far; empty for the first one.</param>
    /// <param name="lengths">Lengths that a trace says; null = they are drawn.</param>
    /// <returns>The request, and the words of its new turn.</returns>
    public (ServerRequest Request, int Words) Make(int index, ImmutableArray<ServerMessage> before, TraceEntry? lengths)
    {
        var random = new Random(HashCode(_plan.Seed, index));
        int words = lengths?.PromptTokens ?? _plan.PromptLengths.Next(random);
        int wanted = lengths?.OutputTokens ?? _plan.OutputLengths.Next(random);
        int shared = before.IsEmpty ? (int)Math.Round(_plan.SharedPrefix * words) : 0;
        var text = new StringBuilder(words * 7);
        if (shared > 0) Append(text, new Random(HashCode(_plan.Seed, -1)), shared);
        if (words > shared) Append(text, random, words - shared);
        return (new ServerRequest
        {
            Model = _model,
            Messages = before.Add(new ServerMessage("user", text.ToString())),
            MaxTokens = wanted,
            IgnoreStop = true,
            Seed = index,
        }, words);
    }

    private static void Append(StringBuilder text, Random random, int words)
    {
        for (int i = 0; i < words; i++)
        {
            if (text.Length > 0) text.Append(' ');
            text.Append(s_words[random.Next(s_words.Length)]);
        }
    }

    // Stable between runtimes, unlike System.HashCode; the constants are SplitMix64's.
    private static int HashCode(long seed, int index)
    {
        ulong x = unchecked(((ulong)seed * 0x9E3779B97F4A7C15) + (ulong)index + 0x632BE59BD9B4E019);
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        return (int)((x ^ (x >> 31)) & int.MaxValue);
    }
}
