using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Answers the items of a task by a server: text in, text out, at temperature 0; choices by the log-probabilities that it tells of a
/// prompt. Nothing is timed, so a request that failed for a reason which may pass is sent again, and the cell says so.
/// </summary>
internal sealed class ServedTask : IDisposable
{
    private const int MostTries = 4;

    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    private readonly EvaluationContext _context;
    private readonly TaskInput _input;
    private readonly TaskRule _rule;
    private readonly IServerClient _client;
    private readonly List<string> _retried = [];

    private ServedTask(EvaluationContext context, TaskInput input, TaskRule rule, IServerClient client, ServerIdentity identity) =>
        (_context, _input, _rule, _client, Identity) = (context, input, rule, client, identity);

    /// <summary>What the server runs.</summary>
    public ServerIdentity Identity { get; }

    /// <summary>Marks on the cell.</summary>
    public IEnumerable<string> Notes =>
    [
        .. ServedText.Retries(_client),
        .. _retried.Count == 0 ? [] : (string[])[$"{_retried.Count} requests were sent again: {_retried[0]}"],
    ];

    /// <summary>Connects to the cell's server and checks what it runs.</summary>
    /// <exception cref="UnsupportedException">The items have choices, and the server tells no log-probabilities.</exception>
    /// <exception cref="QuantBenchException">It isn't there, or runs something else.</exception>
    public static ServedTask Open(EvaluationContext context, TaskInput input, TaskRule rule, CancellationToken cancellationToken)
    {
        context.Progress.Report(new EvaluationProgress("connect", 0, 0, ""));
        IServerClient client =
            ((IServerEngine)context.Engine).Connect(context.ServerDevice ?? context.Cell.Backend.Device, new ServerOptions());
        try
        {
            string? wanted = context.Cell.Variant.IsServed ? context.Cell.Variant.Scheme.Name : null;
            ServerIdentity identity = ServerTask.Await(client.InspectAsync(wanted, cancellationToken), cancellationToken);
            if (!context.Cell.Variant.IsServed) identity.CheckRuns(context.Artifact);
            if (input.Set.Items.Any(i => i.IsChoice)) CanScore(client, identity, input).OrThrow();
            return new ServedTask(context, input, rule, client, identity);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Answers all items, several at a time where the cell says so.</summary>
    /// <param name="answers">Receives the answers; as many as items.</param>
    /// <param name="done">Called after each.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">A request failed for good.</exception>
    public void Run(TaskAnswer[] answers, Action<int> done, CancellationToken cancellationToken)
    {
        int next = -1;
        int count = 0;
        Lock gate = new();
        int lanes = (int)Math.Min(_context.Cell.Settings.Int("concurrency"), answers.Length);
        // Log-probabilities of a prompt take a place of the server's each, of which there are so many.
        if (_client is IPromptScorer scorer && _input.Set.Items.Any(i => i.IsChoice)) lanes = Math.Min(lanes, scorer.Lanes(Identity));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ServerTask.Await(Task.WhenAll(Enumerable.Range(0, Math.Max(1, lanes)).Select(LaneAsync)), cancellationToken);

        async Task LaneAsync(int lane)
        {
            try
            {
                for (int item; (item = Interlocked.Increment(ref next)) < answers.Length;)
                {
                    answers[item] = await AnswerAsync(item, lane, stop.Token);
                    lock (gate) done(++count);
                }
            }
            catch
            {
                await stop.CancelAsync(); // one that fails ends the others
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static Support CanScore(IServerClient client, ServerIdentity identity, TaskInput input)
    {
        if (client is not IPromptScorer scorer)
            return Support.No($"{identity.Server}: its protocol tells no log-probabilities of a text, which items with choices need");
        return input.Tokens is null ? Support.No("no file here says how the model's text is tokenized, which items with choices need")
            : scorer.CanScore(identity, rows: false);
    }

    private async Task<TaskAnswer> AnswerAsync(int item, int lane, CancellationToken cancellationToken)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                TaskItem asked = _input.Set.Items[item];
                return asked.IsChoice ? await ChooseAsync(item, lane, cancellationToken)
                    : _rule.Judge(asked, await GenerateAsync(asked, cancellationToken));
            }
            catch (ServerException e) when (tries < MostTries && MayPass(e))
            {
                TimeSpan pause = e.RetryAfter ?? TimeSpan.FromMilliseconds(250 << tries);
                lock (_retried) _retried.Add($"{e.Message} (waited {pause.TotalSeconds.ToString("0.##", CultureInfo.InvariantCulture)} s)");
                await Task.Delay(pause, _context.Clock, cancellationToken);
            }
            catch (ServerException e)
            {
                throw new ServerException(e.Fault, $"item {item + 1} ({_input.Set.Items[item].Id}): {e.Message}", e.Hint, e);
            }
        }
    }

    private async Task<string> GenerateAsync(TaskItem item, CancellationToken cancellationToken)
    {
        double seconds = _context.Cell.Settings.Number("request_timeout");
        double stall = _context.Cell.Settings.Number("stall_timeout");
        var request = new ServerRequest
        {
            Model = Identity.Model,
            Prompt = _rule.IsChat ? null : item.Prompt,
            Messages = _rule.IsChat ? [new ServerMessage("user", item.Prompt)] : [],
            MaxTokens = _rule.AnswerTokens,
            Stop = !_rule.IsChat && _rule.Stop.Length > 0 ? _rule.Stop : null,
            Seed = 1,
        };
        using var whole = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), _context.Clock);
        using var quiet = new CancellationTokenSource(TimeSpan.FromSeconds(stall), _context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, whole.Token, quiet.Token);
        var text = new StringBuilder();
        // Some servers go on whatever they were asked for.
        long most = 64L * _rule.AnswerTokens + 4096;
        try
        {
            await foreach (ReplyPart part in _client.GenerateAsync(request, either.Token))
            {
                quiet.CancelAfter(TimeSpan.FromSeconds(stall));
                if (part.Kind != ReplyKind.Token) continue;
                text.Append(part.Text);
                if (text.Length > most)
                    throw new ServerException(ServerFault.Flooded, $"{text.Length} characters came for {_rule.AnswerTokens} tokens");
                if (_rule.HasEnded(text.ToString())) break;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw whole.IsCancellationRequested
                ? new ServerException(ServerFault.Timeout,
                    string.Create(CultureInfo.InvariantCulture, $"the reply wasn't complete after {seconds:0.###} s"))
                : new ServerException(ServerFault.Stalled,
                    string.Create(CultureInfo.InvariantCulture, $"nothing came for {stall:0.###} s"));
        }

        return text.ToString();
    }

    private async Task<TaskAnswer> ChooseAsync(int item, int lane, CancellationToken cancellationToken)
    {
        var scorer = (IPromptScorer)_client; // CanScore has checked it and the tokens
        ImmutableArray<TaskSequence> choices = _input.Tokens!.Of(item);
        double[] logs = new double[choices.Length];
        int[] counts = new int[choices.Length];
        for (int choice = 0; choice < choices.Length; choice++)
        {
            TaskSequence sequence = choices[choice];
            counts[choice] = sequence.Tokens.Length - sequence.From;
            if (counts[choice] == 0) continue;
            double sum = 0;
            await scorer.ScoreAsync(new PromptToScore(Identity, lane, sequence.Tokens.AsMemory(), sequence.From - 1, Rows: false),
                (_, next, _) => sum += next, cancellationToken);
            logs[choice] = sum;
        }

        return _rule.Judge(_input.Set.Items[item], logs, counts);
    }

    private static bool MayPass(ServerException e) =>
        e.Fault is ServerFault.RateLimited or ServerFault.ServerError or ServerFault.Cut && !(e.RetryAfter > s_longestPause);
}
