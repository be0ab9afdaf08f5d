using System.Collections.Concurrent;
using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Suites;
using QuantBench.Models.Sources;

namespace QuantBench.Lab.Artifacts;

/// <summary>The models of this server's suites, for machines that lack them: what a job names is handed out to who holds the job, by
/// content, and nothing else.</summary>
/// <param name="options">Where suites and hashes lie.</param>
/// <param name="occurrences">The queue: where a job's suite lies.</param>
/// <param name="approvals">Which suites with needs of their own may run.</param>
/// <param name="clock">The one clock.</param>
public sealed class ModelShelf(LabOptions options, OccurrenceStore occurrences, SuiteApprovals approvals, TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<string, Task<(AgentModel Model, string Root)>> _reading = new(StringComparer.Ordinal);
    private readonly Lock _one = new(); // hashing reads a disk from end to end: one at a time

    /// <summary>What a model is made of. The first time its files are read whole.</summary>
    /// <param name="job">The job.</param>
    /// <param name="model">Id of the model in the job's suite.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="RequestException">The suite has no such model, or it isn't here.</exception>
    /// <exception cref="TimeoutException">It is being read still: to be asked for again.</exception>
    public async Task<AgentModel> ReadAsync(Job job, string model, CancellationToken cancellationToken) =>
        (await OpenAsync(job, model, cancellationToken)).Model;

    /// <summary>The file of a model that has a content.</summary>
    /// <param name="job">The job.</param>
    /// <param name="model">Id of the model in the job's suite.</param>
    /// <param name="sha256">The content's hash.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Its absolute path.</returns>
    /// <exception cref="RequestException">The model has no such file.</exception>
    public async Task<string> PathOfAsync(Job job, string model, string sha256, CancellationToken cancellationToken)
    {
        (AgentModel read, string root) = await OpenAsync(job, model, cancellationToken);
        AgentFile file = read.Files.FirstOrDefault(f => f.Sha256 == sha256)
            ?? throw new RequestException($"model '{model}' has no file {sha256}.", "It was changed meanwhile; ask for it again.");
        return Path.Combine(root, file.Path);
    }

    private async Task<(AgentModel Model, string Root)> OpenAsync(Job job, string model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(job);
        string suiteFile = occurrences.Find(job.Occurrence)?.Suite ?? throw new RequestException("that job's run is gone.");
        Suite suite = SuiteLoader.Parse(job.SuiteText, suiteFile, Path.GetDirectoryName(suiteFile) ?? "/", options.Engines);
        approvals.Check(suite);
        SuiteModel named = suite.Models.FirstOrDefault(m => m.Id == model)
            ?? throw new RequestException($"suite '{suite.Name}' has no model '{model}'.");
        if (named.IsServed || SuiteModel.IsShape(named.Source)) throw new RequestException($"model '{model}' has no files.");
        // Read beside whoever asks: the first time takes as long as the disk does, and a link may break meanwhile.
        Task<(AgentModel Model, string Root)> reading = _reading.GetOrAdd(named.Source, source => Task.Factory.StartNew(
            () => Read(source), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        try
        {
            return await reading.WaitAsync(s_patience, clock, cancellationToken);
        }
        finally
        {
            // Hashes are remembered; a file that changes is another one.
            if (reading.IsCompleted) _reading.TryRemove(KeyValuePair.Create(named.Source, reading));
        }
    }

    private (AgentModel Model, string Root) Read(string path)
    {
        lock (_one)
        {
            string hashes = Path.Combine(options.CacheRoot, "hashes");
            ModelSource source = ModelSource.Open(path, hashes);
            bool isDirectory = Directory.Exists(source.Path);
            string root = isDirectory ? source.Path : Path.GetDirectoryName(source.Path) ?? "/";
            ImmutableArray<AgentFile> files =
            [
                .. source.Files.Select(f => new AgentFile(Path.GetRelativePath(root, f).Replace('\\', '/'), new FileInfo(f).Length,
                    ModelSource.Sha256Of(f, hashes))),
            ];
            return (new AgentModel(source.Sha256, isDirectory ? null : Path.GetFileName(source.Path), files), root);
        }
    }
}
