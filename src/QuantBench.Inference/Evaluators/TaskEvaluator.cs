using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Accuracy on items with short answers, generated greedily, or with choices, of which the likeliest counts; against a reference variant
/// also recovery, flips with McNemar's exact test, and the share of equal answers, paired by item.
/// </summary>
public sealed class TaskEvaluator : IWorkloadEvaluator, IReferencedWorkload
{
    /// <inheritdoc/>
    public string Workload => "task";

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (ServedText.CanRun(context) is { } served) return served;
        if (LoadedCell.CanRun(context) is { IsSupported: false } refused) return refused;
        return new TaskRule(context.Cell.Settings).IsChat
            ? Support.No($"{context.Engine.Name}: prompting: chat needs a server, which has the model's chat template; raw works "
                + "everywhere")
            : Support.Yes;
    }

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        (TaskInput input, TaskRule rule) = InputOf(context);
        string protocol = rule.Protocol(input.Set);
        TaskReference? reference = context.ReferencePath is { } path ? Checked(TaskReference.Read(path), protocol, path) : null;
        return Run(context, input, rule, protocol, reference, cancellationToken).Result;
    }

    /// <inheritdoc/>
    public void ComputeReference(EvaluationContext context, string outputPath, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        (TaskInput input, TaskRule rule) = InputOf(context);
        string protocol = rule.Protocol(input.Set);
        TaskAnswer[] answers = Run(context, input, rule, protocol, null, cancellationToken).Answers;
        new TaskReference(protocol, context.Cell.Variant.Id, context.Cell.Variant.IsServed ? "" : context.Artifact.Sha256, [.. answers])
            .Write(outputPath);
    }

    private static (TaskInput Input, TaskRule Rule) InputOf(EvaluationContext context)
    {
        TaskInput input = context.Task
            ?? throw new RequestException("A task needs items, but the cell has none.", "Set 'set' in the suite.");
        if (input.Tokens is { } tokens && tokens.SetSha256 != input.Set.Sha256)
            throw new RequestException("The items' tokens are those of another set.", "Start the run again; it makes them.");
        return (input, new TaskRule(context.Cell.Settings));
    }

    private static (EvaluationResult Result, TaskAnswer[] Answers) Run(EvaluationContext context, TaskInput input, TaskRule rule,
        string protocol, TaskReference? reference, CancellationToken cancellationToken)
    {
        var answers = new TaskAnswer[input.Set.Items.Length];
        EvaluationResult bare = context.Engine is IServerEngine
            ? AskServer(context, input, rule, answers, cancellationToken) : AskSession(context, input, rule, answers, cancellationToken);
        var figures = new TaskFigures(input.Set, answers, protocol);
        ImmutableSortedDictionary<string, string> facts = bare.Provenance.SetItem("protocol", protocol)
            .SetItem("items_sha256", input.Set.Sha256);
        if (TaskItemFile.Write(context.OutputFolder, input.Set, answers, reference)) facts = facts.SetItem("items_file", TaskItemFile.Name);
        if (reference is not null)
            facts = facts.SetItem("reference_variant", reference.Variant).SetItem("reference_sha256", reference.Artifact);
        return (bare with
        {
            Metrics = [.. figures.Measurements(reference), .. bare.Metrics],
            Notes = [.. bare.Notes, .. figures.Notes(reference)],
            Provenance = facts,
            Conditions = bare.Conditions.SetItems(figures.Kinds().Select(k => KeyValuePair.Create(k.Key, k.Value))),
        }, answers);
    }

    private static EvaluationResult AskSession(EvaluationContext context, TaskInput input, TaskRule rule, TaskAnswer[] answers,
        CancellationToken cancellationToken)
    {
        if (input.Tokens is not { } tokens)
            throw new UnsupportedException(null, "no file here says how the model's text is tokenized, which a task in this process needs");
        int length = tokens.Longest + (input.Set.Items.Any(i => !i.IsChoice) ? rule.AnswerTokens : 0);
        SessionOptions options = LoadedCell.CommonOptions(context, length);
        options = options with { BatchTokens = Math.Min(options.BatchTokens, length), CallerComputesBetweenAppends = false };
        using LoadedCell loaded = LoadedCell.Open(context, options, 1, cancellationToken);
        if (tokens.VocabularySize > 0 && tokens.VocabularySize < loaded.Model.VocabularySize / 2)
        {
            throw new RequestException(
                $"The tokenizer has {tokens.VocabularySize} tokens, but the model {loaded.Model.VocabularySize} logits.",
                "The tokenizer doesn't belong to this model.");
        }

        var task = new SessionTask(loaded.CreateSession(), options, input, rule);
        int right = 0;
        for (int item = 0; item < answers.Length; item++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            answers[item] = task.Answer(item, cancellationToken);
            if (answers[item].Right) right++;
            Tell(context, item + 1, answers.Length, right);
        }

        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        loaded.AddSizes(metrics);
        return loaded.Result(metrics.ToImmutable(), [], ("tokenizer_sha256", tokens.TokenizerSha256));
    }

    private static EvaluationResult AskServer(EvaluationContext context, TaskInput input, TaskRule rule, TaskAnswer[] answers,
        CancellationToken cancellationToken)
    {
        ImmutableSortedDictionary<string, double> before = context.Machine.Conditions();
        using ServedTask task = ServedTask.Open(context, input, rule, cancellationToken);
        task.Run(answers, done => Tell(context, done, answers.Length, answers.Count(a => a.Right)), cancellationToken);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        if (!context.Cell.Variant.IsServed)
        {
            metrics.Add(Measurement.Of("artifact_size", context.Artifact.Bytes));
            if (context.Artifact.ParameterCount > 0) metrics.Add(Measurement.Of("bits_per_weight", context.Artifact.BitsPerWeight));
        }

        EvaluationResult result = LoadedCell.Result(context, 1, context.Cell.Backend.Device, before, metrics.ToImmutable(), [.. task.Notes],
            [.. task.Identity.ToFacts(), ("client_build", context.Engine.Build), ("engine_build", task.Identity.Server)]);
        // The server's own, which it doesn't tell.
        return result with { Provenance = result.Provenance.Remove("threads_used") };
    }

    private static void Tell(EvaluationContext context, int done, int all, int right) =>
        context.Progress.Report(new EvaluationProgress("items", done, all, $"{100.0 * right / done:0} % right"));

    private static TaskReference Checked(TaskReference reference, string protocol, string path) =>
        reference.Protocol == protocol ? reference : throw new RequestException(
            $"The reference's answers {path} were given under {reference.Protocol}, but the cell asks for {protocol}.",
            "Delete the file; it is made again when needed.");
}
