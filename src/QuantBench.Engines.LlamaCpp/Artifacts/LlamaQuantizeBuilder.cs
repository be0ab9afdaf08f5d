using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>
/// Makes GGUF artifacts with llama.cpp's own quantizer, in this process. From a Hugging Face source it starts from the artifact
/// <c>gguf:F32</c>; a GGUF source in floats is quantized itself, and one that is quantized already is only copied, never quantized again.
/// </summary>
internal sealed unsafe partial class LlamaQuantizeBuilder(EngineEnvironment environment) : IArtifactBuilder
{
    /// <summary>Counts up when more is refused: artifacts made before that are made again, or refused.</summary>
    private const string BlocksHint = "Rows that aren't whole blocks of a type get a wider one; take a scheme whose blocks fit.";
    private const string Checked = "1";
    private const string CheckedCopy = "2";

    private const int FileTypeF32 = 0;
    private const int FileTypeF16 = 1;
    private const int FileTypeBF16 = 32;

    // Not looked at when tensors are only copied, but it must be one that the quantizer knows.
    private const int CopiedFileType = 7;

    /// <inheritdoc/>
    public string Name => "llamacpp-quantize";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!Variant.TryParse(artifactName, out Variant? variant) || variant is null || variant.Format != "gguf")
        {
            return Support.No($"{Name} makes GGUF variants, not {artifactName}");
        }

        if (IsFloat(variant.Scheme.FileType) && variant.ImportanceMatrix)
        {
            return Support.No($"{variant.Id}: floats aren't quantized, so no importance matrix applies; use gguf:{variant.Scheme.Name}");
        }

        if (variant is { ImportanceMatrix: true, Scheme.IgnoresImportanceMatrix: true } && !IsCopy(source))
        {
            return Support.No($"{variant.Id}: its quantizer doesn't look at importance matrices, so it is gguf:{variant.Scheme.Name} to "
                + "the byte; use that");
        }

        if (variant.Scheme.IsGiven) return source.Kind == SourceKind.Gguf ? Support.Yes : Support.No("only GGUF files are gguf:given");
        if (variant.Scheme.Name is "NVFP4" or "MXFP4" && (source.Kind != SourceKind.Gguf || !IsCopy(source)))
            return Support.No($"llama.cpp's quantizer makes no whole models of {variant.Scheme.Name}");
        if (source.Kind == SourceKind.HuggingFace)
        {
            if (IsFloat(variant.Scheme.FileType)) return Support.No($"{variant.Id} is converted from the source, not quantized");
            return NeedsOther(variant) ?? Support.Yes;
        }

        if (source.Kind != SourceKind.Gguf) return Support.No($"{Name} starts from Hugging Face directories and GGUF files");
        GgufHeader header = GgufHeader.Read(source.Path);
        if (header.FileType is not { } type)
        {
            return Support.No($"{source.Path} doesn't say which quant scheme it has (general.file_type), so nothing can be made from it; "
                + "as it is, it is gguf:given");
        }

        if (IsFloat(type)) return NeedsOther(variant) ?? Support.Yes;
        if (variant.Tensors is null && type == variant.Scheme.FileType && header.HasImportanceMatrix == variant.ImportanceMatrix)
        {
            using GgufReader reader = GgufReader.Open(source.Path);
            return SchemeCheck.Refusal(reader, variant.Scheme) is { } reason ? Support.No($"{source.Path}: {reason}") : Support.Yes;
        }

        return Support.No(
            $"{source.Path} is quantized already ({SchemeName(type, header.HasImportanceMatrix)}); quantizing it again to "
                + $"{variant.ShortName} would measure both losses: start from an F32, F16 or BF16 file, or measure it as gguf:given");
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration)
    {
        ArgumentNullException.ThrowIfNull(source);
        Variant variant = Variant.Parse(artifactName);
        bool copy = IsCopy(source, variant);
        ImmutableArray<string> model = source.Kind == SourceKind.Gguf ? [] : [LlamaImatrixBuilder.FloatInput];
        ImmutableSortedDictionary<string, string> parameters = ImmutableSortedDictionary<string, string>.Empty
            .Add("ftype", variant.Scheme.FileType.ToString(CultureInfo.InvariantCulture))
            .Add("copy", copy ? "true" : "false")
            .Add("checked", copy ? CheckedCopy : Checked);
        return new ArtifactRecipe(
            Name,
            LlamaLibrary.Load(LlamaInstallation.Locate(environment)).Build,
            variant.ImportanceMatrix && !copy ? model.Add(LlamaImatrixBuilder.ArtifactName) : model,
            variant.Tensors is { } tensors ? parameters.Add("tensors", tensors.Text) : parameters);
    }

    /// <inheritdoc/>
    /// <remarks>llama.cpp's quantizer can't be stopped midway: cancellation takes effect before it starts and after it ends.</remarks>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        Variant variant = Variant.Parse(request.ArtifactName);
        bool copy = IsCopy(request.Source, variant);
        LlamaLibrary library = LlamaLibrary.Load(LlamaInstallation.Locate(environment));
        using IDisposable listening = library.Log.Listen(environment.Log);
        string given = request.Source.Kind == SourceKind.Gguf ? request.Source.Path : request.InputPaths[LlamaImatrixBuilder.FloatInput];
        GgufHeader.Check(given);
        if (request.Source.Kind == SourceKind.Gguf)
        {
            using GgufReader reader = GgufReader.Open(given);
            FiniteWeights.Check(reader, cancellationToken);
        }

        using var aligned = new AlignedInput(given, request.OutputPath + ".input", cancellationToken);
        string input = aligned.Path;
        environment.Log($"llama.cpp quantizes {given} to {variant.Id}");

        llama_model_quantize_params parameters = NativeParameters.Quantize();
        parameters.ftype = copy ? CopiedFileType : variant.Scheme.FileType;
        parameters.nthread = Math.Max(1, request.Threads);
        parameters.only_copy = copy ? (byte)1 : (byte)0;
        using NativeTensorTypes? types = variant.Tensors is { } asked ? new NativeTensorTypes(asked) : null;
        parameters.tt_overrides = types?.Data ?? 0;
        cancellationToken.ThrowIfCancellationRequested();
        if (variant.ImportanceMatrix && !copy)
        {
            ImportanceMatrix matrix = ImportanceMatrixFile.Read(library, request.InputPaths[LlamaImatrixBuilder.ArtifactName]);
            using var native = new NativeImportanceMatrix(matrix);
            parameters.imatrix = native.Data;
            parameters.kv_overrides = native.Overrides;
            Quantize(library, input, request.OutputPath, parameters, progress);
        }
        else
        {
            Quantize(library, input, request.OutputPath, parameters, progress);
        }

        cancellationToken.ThrowIfCancellationRequested();
        using GgufReader made = GgufReader.Open(request.OutputPath);
        if (variant.Tensors is { } rules) Check(made, rules);
        else if (!variant.Scheme.IsGiven && SchemeCheck.Refusal(made, variant.Scheme) is { } refusal)
        {
            throw new UnsupportedException(null, $"llama.cpp's quantizer can't make it of this model: {refusal}.", BlocksHint);
        }
    }

    /// <summary>Refuses a rule that changed nothing because no tensor is called so, or that llama.cpp didn't follow.</summary>
    private static void Check(GgufReader made, TensorTypes rules)
    {
        var left = made.Tensors.ToList();
        foreach (TensorTypeRule rule in rules.Rules)
        {
            GgufTensorInfo[] meant = [.. left.Where(t => rule.Matches(t.Name))];
            if (meant.Length == 0)
            {
                throw new UnsupportedException(null, $"the model has no tensor '{rule.Tensor}' whose type could be {rule.Type}.",
                    rule.Tensor == "output" ? "Its head is its embeddings: name 'token_embd' instead." : "Leave it out.");
            }

            if (meant.FirstOrDefault(t => t.Type.ToString() != rule.Type) is { } other)
            {
                throw new UnsupportedException(null, $"llama.cpp made '{other.Name}' of type {other.Type}, not {rule.Type}: rows of "
                    + $"{other.Dimensions[0]} aren't whole blocks, or it never quantizes that tensor.", "Ask for another type.");
            }

            left.RemoveAll(t => rule.Matches(t.Name));
        }
    }

    private static void Quantize(LlamaLibrary library, string input, string output, in llama_model_quantize_params parameters,
        IProgress<double> progress)
    {
        using NativeLogCapture capture = library.Log.Capture();
        using IDisposable listening = library.Log.Listen(line => ReportTensor(line, progress));
        if (NativeMethods.llama_model_quantize(input, output, parameters) != 0)
        {
            string words = capture.Words;
            throw words.Contains("no tensor type fallback", StringComparison.Ordinal)
                ? new UnsupportedException(null, $"llama.cpp's quantizer can't make it of this model: {words}.", BlocksHint)
                : new EngineException($"llama.cpp can't quantize {input}: {words}");
        }

        progress.Report(1);
    }

    /// <summary>Turns the quantizer's line per tensor, <c>[  12/  56] blk.1.attn_k.weight …</c>, into progress.</summary>
    private static void ReportTensor(string line, IProgress<double> progress)
    {
        Match match = TensorLine().Match(line);
        if (!match.Success) return;
        double total = double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
        if (total > 0) progress.Report(double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) / total);
    }

    [GeneratedRegex(@"\[ *([0-9]+)/ *([0-9]+)\]", RegexOptions.CultureInvariant)]
    private static partial Regex TensorLine();

    private static Support? NeedsOther(Variant variant) =>
        variant.Scheme.NeedsImportanceMatrix && !variant.ImportanceMatrix
            ? Support.No($"{variant.Scheme.Name} is only made with an importance matrix; use {variant.Id}+imatrix")
            : null;

    private static bool IsFloat(int fileType) => fileType is FileTypeF32 or FileTypeF16 or FileTypeBF16;

    private static bool IsCopy(ModelSource source, Variant variant) => variant.Scheme.IsGiven || IsCopy(source);

    private static bool IsCopy(ModelSource source) =>
        source.Kind == SourceKind.Gguf && GgufHeader.Read(source.Path).FileType is { } type && !IsFloat(type);

    private static string SchemeName(int fileType, bool imatrix) =>
        (QuantSchemes.All.FirstOrDefault(s => s.Format == "gguf" && s.FileType == fileType)?.Name ?? $"file type {fileType}")
            + (imatrix ? "+imatrix" : "");
}
