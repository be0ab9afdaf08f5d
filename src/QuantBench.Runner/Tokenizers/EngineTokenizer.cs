using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Tasks;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tokenizers;

/// <summary>An engine's tokenizer of a model file, which works in workers only.</summary>
/// <param name="Environment">Where things lie.</param>
/// <param name="Engine">Engine name.</param>
/// <param name="ModelPath">The model file.</param>
/// <param name="Facts">What identifies its ids.</param>
public sealed record EngineTokenizer(RunnerEnvironment Environment, string Engine, string ModelPath, WorkerTokenizer Facts)
    : ModelTokenizer(Facts.Sha256, Facts.BosToken)
{
    private static readonly TimeSpan s_openTimeout = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_textTimeout = TimeSpan.FromHours(1);

    /// <summary>Opens an engine's tokenizer.</summary>
    /// <param name="environment">Where things lie.</param>
    /// <param name="engine">Engine name.</param>
    /// <param name="modelPath">The model file.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="UnsupportedException">The engine has no code for it.</exception>
    /// <exception cref="EngineException">The engine isn't here, or refused.</exception>
    public static async Task<EngineTokenizer> OpenAsync(RunnerEnvironment environment, string engine, string modelPath,
        CancellationToken cancellationToken)
    {
        WorkerResult result = await AskAsync(environment, engine, new WorkerTokenize(modelPath, null, null, null), s_openTimeout,
            cancellationToken);
        return new EngineTokenizer(environment, engine, modelPath, Answer(result, engine));
    }

    /// <inheritdoc/>
    public override async Task WriteAsync(DatasetText text, string path, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        string textPath = $"{path}.{System.Environment.ProcessId}.txt";
        try
        {
            await File.WriteAllTextAsync(textPath, text.Text, new UTF8Encoding(false), cancellationToken);
            await WriteAsync(new WorkerTokenize(ModelPath, textPath, text.Sha256, path), cancellationToken);
        }
        finally
        {
            File.Delete(textPath);
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(TaskSet set, string setPath, string path, CancellationToken cancellationToken) =>
        WriteAsync(new WorkerTokenize(ModelPath, null, null, path) { SetPath = setPath }, cancellationToken);

    private async Task WriteAsync(WorkerTokenize job, CancellationToken cancellationToken)
    {
        WorkerResult result = await AskAsync(Environment, Engine, job, s_textTimeout, cancellationToken);
        if (Answer(result, Engine).Sha256 != Sha256)
        {
            throw new EngineException($"{Engine}: the tokenizer of {ModelPath} changed while the run was under way.",
                "Start the run again.");
        }
    }

    private static WorkerTokenizer Answer(WorkerResult result, string engine) =>
        result.Tokenizer ?? throw new EngineException($"{engine}: the worker told nothing of the tokenizer.");

    private static async Task<WorkerResult> AskAsync(RunnerEnvironment environment, string engine, WorkerTokenize job, TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        WorkerOutcome outcome = await new WorkerProcess(environment.Worker, environment.Clock).RunAsync(
            environment.NewJob(WorkerJobKind.Tokenize, engine) with { Tokenize = job }, new WorkerLimits(timeout), null,
            new Progress<EvaluationProgress>(), cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        return outcome.ResultOf($"tokenizing by {engine}'s vocabulary");
    }
}
