using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Tokenizers;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Conversion;

/// <summary>
/// Makes a GGUF file of float weights from a Hugging Face directory, with the metadata, tensor names and row order of llama.cpp's
/// <c>convert_hf_to_gguf.py</c>. <see cref="DecoderArchitecture.Known"/> lists the architectures.
/// </summary>
public static class HuggingFaceToGguf
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "2";

    private const int ChunkElements = 1 << 20;

    /// <summary>Converts. The same source content gives the same bytes, wherever it lies.</summary>
    /// <param name="sourceDirectory">A Hugging Face directory.</param>
    /// <param name="outputPath">The file to write; replaced if it is there.</param>
    /// <param name="floatType">F32, F16 or BF16; vectors and norms are F32 in any case.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces of about a million weights; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken or of a kind that isn't converted.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(string sourceDirectory, string outputPath, GgmlType floatType, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        if (floatType is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            throw new ArgumentOutOfRangeException(nameof(floatType), floatType, "F32, F16 or BF16");
        cancellationToken.ThrowIfCancellationRequested();
        HuggingFaceConfig config = HuggingFaceConfig.Read(sourceDirectory);
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Read(sourceDirectory, config.Vocabulary);
        using SafetensorsModel model = SafetensorsModel.Open(sourceDirectory);
        ImmutableArray<PlannedTensor> plan = TensorPlan.Make(config, model, sourceDirectory);
        ImmutableArray<(string Name, float[] Factors)> ropeFactors = config.Rope.Tensors(config.HeadWidth);
        ImmutableArray<GgufTensorSpec> specs =
        [
            .. ropeFactors.Select(tensor => new GgufTensorSpec(tensor.Name, GgmlType.F32, [tensor.Factors.Length])),
            .. plan.Select(tensor => new GgufTensorSpec(tensor.Target, TypeOf(tensor, floatType), tensor.Dimensions)),
        ];

        GgufMetadata metadata = MakeMetadata(config, tokenizer, floatType, outputPath);
        DiskFault.AsRequest($"The file '{outputPath}' can't be written",
            "Check that the directory exists, may be written to and has room.", () =>
        {
            using var writer = new GgufWriter(new FileStream(outputPath, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16),
                metadata, specs);
            WriteTensors(writer, model, plan, ropeFactors, floatType, progress, cancellationToken);
            writer.Complete();
        });
    }

    private static void WriteTensors(
        GgufWriter writer,
        SafetensorsModel model,
        ImmutableArray<PlannedTensor> plan,
        ImmutableArray<(string Name, float[] Factors)> ropeFactors,
        GgmlType floatType,
        IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        foreach ((_, float[] factors) in ropeFactors) writer.Append(MemoryMarshal.AsBytes<float>(factors));
        long total = plan.Sum(tensor => tensor.ElementCount);
        long done = 0;
        foreach (PlannedTensor tensor in plan)
        {
            foreach (int elements in WriteTensor(writer, model, tensor, TypeOf(tensor, floatType)))
            {
                cancellationToken.ThrowIfCancellationRequested();
                done += elements;
                progress.Report((double)done / total);
            }
        }
    }

    private static GgmlType TypeOf(PlannedTensor tensor, GgmlType floatType) => tensor.StaysF32 ? GgmlType.F32 : floatType;

    /// <summary>Writes a tensor piece by piece; yields the number of elements of each.</summary>
    private static IEnumerable<int> WriteTensor(GgufWriter writer, SafetensorsModel model, PlannedTensor tensor, GgmlType type)
    {
        if (tensor.Values is { } values)
        {
            writer.Append(MemoryMarshal.AsBytes<float>(values));
            return [values.Length];
        }

        return tensor.Matrices.Length > 0 ? tensor.Matrices.SelectMany(matrix => WriteMatrix(writer, model, tensor, matrix, type))
            : tensor.Sources.SelectMany(source => WriteTensor(writer, model, tensor, source, type));
    }

    private static IEnumerable<int> WriteMatrix(GgufWriter writer, SafetensorsModel model, PlannedTensor tensor, IWeightMatrix matrix,
        GgmlType type)
    {
        int rows = Math.Clamp(ChunkElements / matrix.Columns, 1, matrix.Rows);
        float[] floats = new float[rows * matrix.Columns];
        byte[] target = new byte[floats.Length * FloatRows.ElementBytes(type)];
        for (int row = 0; row < matrix.Rows; row += rows)
        {
            int count = Math.Min(rows, matrix.Rows - row) * matrix.Columns;
            Span<float> run = floats.AsSpan(0, count);
            matrix.ReadRows(row, count / matrix.Columns, run);
            Span<byte> stored = target.AsSpan(0, count * FloatRows.ElementBytes(type));
            FloatRows.Convert(MemoryMarshal.AsBytes(run), SafetensorsDType.F32, stored, type, run);
            if (FiniteWeights.FindOther(stored, type) is >= 0 and var at)
            {
                throw FiniteWeights.Refused(model.Files[tensor.Source.Part], tensor.Source.Name, ((long)row * matrix.Columns) + at,
                    matrix.Columns, run[at], type);
            }

            writer.Append(stored);
            yield return count;
        }
    }

    private static IEnumerable<int> WriteTensor(GgufWriter writer, SafetensorsModel model, PlannedTensor tensor,
        SafetensorsTensorInfo from, GgmlType type)
    {
        // Pieces are whole rows where rows are reordered, and any run of elements otherwise.
        bool isPermuted = tensor.PermutedHeads > 0;
        long runs = isPermuted ? tensor.Rows : 1;
        long runLength = isPermuted ? tensor.Columns : checked(tensor.Rows * tensor.Columns);
        int pieceLength = (int)Math.Min(runLength, ChunkElements);
        int sourceBytes = from.ElementBytes;
        int targetBytes = FloatRows.ElementBytes(type);
        float[] floats = new float[pieceLength];
        byte[] target = new byte[pieceLength * targetBytes];
        int reported = 0;
        for (long run = 0; run < runs; run++)
        {
            long runStart = tensor.SourceRow(run) * runLength;
            for (long at = 0; at < runLength; at += pieceLength)
            {
                int count = (int)Math.Min(pieceLength, runLength - at);
                ReadOnlySpan<byte> source = model.Span(from, (runStart + at) * sourceBytes, count * sourceBytes);
                FloatRows.Convert(source, from.DType, target.AsSpan(0, count * targetBytes), type, floats.AsSpan(0, count));
                FloatRows.Check(target.AsSpan(0, count * targetBytes), type, model, from, runStart + at);
                if (tensor.Added != 0) Add(MemoryMarshal.Cast<byte, float>(target.AsSpan(0, count * targetBytes)), tensor.Added);
                writer.Append(target.AsSpan(0, count * targetBytes));
                reported += count;
                if (reported < ChunkElements) continue;
                yield return reported;
                reported = 0;
            }
        }

        yield return reported;
    }

    private static GgufMetadata MakeMetadata(HuggingFaceConfig config, HuggingFaceTokenizer tokenizer, GgmlType floatType,
        string outputPath)
    {
        DecoderArchitecture architecture = config.Architecture.AsGguf();
        string arch = architecture.Name;
        var metadata = new GgufMetadata(outputPath);
        HuggingFaceMetadata.Add(metadata, config, architecture);
        metadata.Add(GgufConstants.FileType, floatType switch { GgmlType.F32 => 0u, GgmlType.F16 => 1u, _ => 32u });
        metadata.Add($"{arch}.vocab_size", (uint)config.Vocabulary);
        if (architecture.RotatesNeighbours && !architecture.RotatesPart && config.Latent is null)
            metadata.Add($"{arch}.rope.dimension_count", (uint)config.HeadWidth);
        config.Multipliers?.AddTo(metadata, arch);
        GgufTokenizer.Write(metadata, tokenizer);
        metadata.Add(GgufConstants.QuantizationVersion, 2u);
        return metadata;
    }

    /// <summary>Only norms have something added, and they are F32.</summary>
    private static void Add(Span<float> values, float number)
    {
        foreach (ref float value in values) value += number;
    }
}
