using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>
/// Computes the artifact <c>imatrix</c>: runs the model over a calibration text on the CPU, each chunk from an empty cache, and sums the
/// squared activations that enter every weight matrix, as llama-imatrix does. The file is llama-imatrix's own format.
/// </summary>
internal sealed unsafe class LlamaImatrixBuilder(EngineEnvironment environment) : IArtifactBuilder
{
    /// <summary>Name of the artifact.</summary>
    public const string ArtifactName = "imatrix";

    /// <summary>Name of the artifact it starts from when the source isn't a GGUF file itself.</summary>
    public const string FloatInput = "gguf:F32";

    private const int BatchTokens = 2048; // llama-imatrix's default: as many chunks side by side as fit

    /// <inheritdoc/>
    public string Name => "llamacpp-imatrix";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName) =>
        artifactName == ArtifactName ? Support.Yes : Support.No($"{Name} makes only {ArtifactName}, not {artifactName}");

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration)
    {
        ArgumentNullException.ThrowIfNull(source);
        CalibrationText text = calibration ?? throw NoCalibration();
        return new ArtifactRecipe(
            Name,
            LlamaLibrary.Load(LlamaInstallation.Locate(environment)).Build,
            source.Kind == SourceKind.Gguf ? [] : [FloatInput],
            ImmutableSortedDictionary<string, string>.Empty
                .Add("text_sha256", text.TextSha256)
                .Add("chunks", text.Chunks.ToString(CultureInfo.InvariantCulture))
                .Add("n_ctx", text.ContextLength.ToString(CultureInfo.InvariantCulture)));
    }

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        CalibrationText text = request.Calibration ?? throw NoCalibration();
        LlamaLibrary library = LlamaLibrary.Load(LlamaInstallation.Locate(environment));
        using IDisposable listening = library.Log.Listen(environment.Log);
        using var aligned = new AlignedInput(
            request.Source.Kind == SourceKind.Gguf ? request.Source.Path : request.InputPaths[FloatInput], request.OutputPath + ".input",
            cancellationToken);
        string model = aligned.Path;
        ImportanceMatrix matrix = Compute(library, model, text, request.Threads, progress, cancellationToken);
        ImportanceMatrixFile.Write(library, request.OutputPath, matrix);
    }

    private static RequestException NoCalibration() =>
        new("An importance matrix needs a calibration text.", "Give a text like those the model is used on, but not the evaluation text.");

    private static ImportanceMatrix Compute(
        LlamaLibrary library, string modelPath, CalibrationText text, int threads, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        TokenFile file = TokenFile.Read(text.TokensPath);
        // llama-imatrix puts the BOS token, where the tokenizer adds one, before the text and then again in place of each chunk's first
        // token.
        int[] tokens = file.Header.BosToken is { } bos ? [bos, .. file.Tokens] : file.Tokens;
        int nCtx = text.ContextLength;
        int available = tokens.Length / nCtx;
        int chunks = text.Chunks == 0 ? available : Math.Min(text.Chunks, available);
        if (chunks == 0)
        {
            throw new RequestException($"The calibration text has {tokens.Length} tokens, fewer than one chunk of {nCtx}.",
                "Use a longer text or shorter chunks.");
        }

        LlamaDevice cpu = LlamaDevice.Enumerate().First(d => d.IsHost);
        using LlamaModel model = LlamaModel.Load(library, modelPath, cpu, gpuLayers: 0, cancellationToken);
        int sequences = Math.Max(1, BatchTokens / nCtx);
        var options = new SessionOptions
        {
            ContextLength = nCtx,
            Sequences = sequences,
            BatchTokens = Math.Min(BatchTokens, nCtx * sequences),
            Threads = threads
        };
        using var collector = new ImportanceCollector();
        using LlamaSession session = CreateSession(model, options, collector);
        var batch = new TokenBatch();
        for (int first = 0; first < chunks; first += sequences)
        {
            session.Reset();
            int together = Math.Min(sequences, chunks - first);
            for (int start = 0; start < nCtx; start += options.BatchTokens)
            {
                batch.Clear();
                for (int sequence = 0; sequence < together; sequence++)
                    AddChunkPart(batch, tokens, (first + sequence) * nCtx, sequence, start, Math.Min(nCtx, start + options.BatchTokens),
                        file.Header.BosToken);
                session.Append(batch, cancellationToken);
                if (collector.Fault is { } fault)
                {
                    throw fault as QuantBenchException
                        ?? new EngineException($"The importance matrix can't be computed: {fault.Message}", inner: fault);
                }
            }

            progress.Report((double)(first + together) / chunks);
        }

        if (collector.Entries.Count == 0)
        {
            throw new EngineException(
                $"llama.cpp multiplied no weight matrix by {nCtx} tokens at once; chunks of at least 16 tokens are needed.");
        }

        return new ImportanceMatrix(collector.Entries, $"sha256:{text.TextSha256}", chunks, nCtx);
    }

    /// <summary>Adds positions <paramref name="from"/> to <paramref name="to"/> of one chunk; all want logits, or the last layer would be
    /// computed for some rows only.</summary>
    private static void AddChunkPart(TokenBatch batch, int[] tokens, int chunkStart, int sequence, int from, int to, int? bos)
    {
        for (int i = from; i < to; i++) batch.Add(i == 0 && bos is { } b ? b : tokens[chunkStart + i], sequence, logitsWanted: true);
    }

    private static LlamaSession CreateSession(LlamaModel model, SessionOptions options, ImportanceCollector collector)
    {
        llama_context_params parameters = SessionParameters.Create(model, options);
        var cancelled = new CancellationFlag();
        parameters.abort_callback = CancellationFlag.Callback;
        parameters.abort_callback_data = cancelled.Address;
        parameters.cb_eval = (nint)(delegate* unmanaged<ggml_tensor*, byte, nint, byte>)&ImportanceCollector.OnTensor;
        parameters.cb_eval_user_data = collector.UserData;
        return LlamaSession.Create(model, options, parameters, cancelled);
    }
}
