using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Conversion;

/// <summary>One tensor to be written, and where it comes from.</summary>
/// <param name="Target">Name in GGUF.</param>
/// <param name="Source">The tensor it is made from.</param>
/// <param name="Rows">Rows; 1 for a vector that isn't reordered.</param>
/// <param name="Columns">Elements per row.</param>
/// <param name="PermutedHeads">Heads whose rows are reordered for neighbour rotation; 0 = none.</param>
/// <param name="Added">What is added to every element.</param>
internal sealed record PlannedTensor(string Target, SafetensorsTensorInfo Source, long Rows, long Columns, int PermutedHeads,
    float Added = 0)
{
    /// <summary>All tensors it is made from: more than one for experts, which lie one behind the other in the target.</summary>
    public ImmutableArray<SafetensorsTensorInfo> Sources { get; init; } = [Source];

    /// <summary>What it is made from where that isn't tensors of floats as they lie: experts, one behind the other.</summary>
    public ImmutableArray<IWeightMatrix> Matrices { get; init; } = [];

    /// <summary>Its elements, where they were computed; the source is what they are from.</summary>
    public float[]? Values { get; init; }

    /// <summary>Whether it stays F32 in files of halves: vectors, which take no room, and what chooses among experts.</summary>
    public bool StaysF32 { get; init; } = Source.Shape.Length <= 1;

    /// <summary>Elements of all sources.</summary>
    public long ElementCount => Rows * Columns * Math.Max(Sources.Length, Matrices.Length);

    /// <summary>The target's dimensions, as GGUF has them: shortest stride first.</summary>
    public ImmutableArray<long> Dimensions => Sources.Length > 1 ? [Columns, Rows, Sources.Length]
        : Matrices.Length > 0 ? [Columns, Rows, Matrices.Length] : Values is not null ? [Columns, Rows]
        : [.. Source.Shape.Reverse()];

    /// <summary>Row of the source that becomes a row of the target: per head, row 2p + h comes from row h·(size/2) + p, h in {0,
    /// 1}.</summary>
    public long SourceRow(long row)
    {
        if (PermutedHeads == 0) return row;
        long headSize = Rows / PermutedHeads;
        (long head, long within) = Math.DivRem(row, headSize);
        (long pair, long half) = Math.DivRem(within, 2);
        return (head * headSize) + (half * (headSize / 2)) + pair;
    }
}

/// <summary>Which tensors of a Hugging Face model become which tensors of a GGUF file, in the order they are written.</summary>
internal static class TensorPlan
{
    /// <exception cref="ModelFormatException">A tensor is missing, has another shape than the configuration says, or nobody knows what it
    /// is for.</exception>
    public static ImmutableArray<PlannedTensor> Make(HuggingFaceConfig config, SafetensorsModel model, string directory)
    {
        var plan = ImmutableArray.CreateBuilder<PlannedTensor>();
        var used = new HashSet<string>(StringComparer.Ordinal);

        SafetensorsTensorInfo Take(string name, params ReadOnlySpan<long> shape)
        {
            if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor))
                throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.");
            if (!tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                throw new ModelFormatException(
                    model.Files[tensor.Part], tensor.Offset,
                    $"the tensor '{name}' has the shape [{string.Join(", ", tensor.Shape)}], but by config.json it is "
                        + $"[{string.Join(", ", shape.ToArray())}].");
            }

            if (tensor.DType is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16))
            {
                throw new UnsupportedException(model.Files[tensor.Part],
                    $"the tensor '{name}' is of type {tensor.DType}; F32, F16 and BF16 are converted.");
            }

            used.Add(name);
            return tensor;
        }

        if (config.TiesEmbeddings) TiedHead.Check(model);
        foreach (DecoderModule module in DecoderModule.Of(config))
        {
            if (module.IsNorm)
            {
                SafetensorsTensorInfo norm = Take(module.WeightName, module.Columns);
                plan.Add(new PlannedTensor(module.GgufTensor, norm, 1, module.Columns, 0, config.Architecture.NormOffset));
                if (!config.Architecture.HasNormBiases) continue;
                SafetensorsTensorInfo normBias = Take($"{module.HuggingFace}.bias", module.Columns);
                plan.Add(new PlannedTensor($"{module.Gguf}.bias", normBias, 1, module.Columns, 0));
                continue;
            }

            if (PackedExperts.Holds(module))
            {
                AddPacked(module);
                continue;
            }

            if (module.Role == DecoderRole.KeyValueUp && config.Latent is { } latent)
            {
                AddKeyValueUp(module, latent);
                continue;
            }

            ImmutableArray<SafetensorsTensorInfo> matrices =
                [.. module.HuggingFacePaths.Select(path => Take($"{path}.weight", module.Rows, module.Columns))];
            plan.Add(new PlannedTensor($"{module.Gguf}.weight", matrices[0], module.Rows, module.Columns, module.PermutedHeads)
            {
                Sources = matrices,
                StaysF32 = module.IsRouter,
            });
            if (config.Latent is not null || !model.Tensors.ContainsKey($"{module.HuggingFace}.bias")) continue;

            // A reordered matrix has its bias reordered too; seen as a column, its rows are single elements.
            SafetensorsTensorInfo bias = Take($"{module.HuggingFace}.bias", module.Rows);
            plan.Add(module.PermutedHeads > 0
                ? new PlannedTensor($"{module.Gguf}.bias", bias, module.Rows, 1, module.PermutedHeads)
                : new PlannedTensor($"{module.Gguf}.bias", bias, 1, module.Rows, 0));
        }

        // A tensor nobody asked for means that the model computes something else.
        string? unknown = model.Tensors.Keys.Where(name => !used.Contains(name) && !config.IsRedundant(name))
            .Order(StringComparer.Ordinal).FirstOrDefault();
        return unknown is null
            ? plan.ToImmutable()
            : throw new UnsupportedException(directory,
                $"the tensor '{unknown}' has no place in a {config.Architecture.Name} model.");

        // Each head's part that makes keys is turned, and the one that makes values behind it lies apart.
        void AddKeyValueUp(DecoderModule module, LatentSizes latent)
        {
            SafetensorsTensorInfo both = Take(module.WeightName, module.Rows, module.Columns);
            int plain = latent.PlainWidth, value = latent.ValueWidth;
            FloatMatrix whole = FloatMatrix.Open(model, directory, module.WeightName);
            IEnumerable<int> heads = Enumerable.Range(0, config.Heads);
            plan.Add(new PlannedTensor($"{DecoderModule.GgufName(DecoderRole.KeyUp, module.Layer)}.weight", both, latent.KeyRank, plain, 0)
            {
                Matrices = [.. heads.Select(IWeightMatrix (head) => new ColumnsMatrix(whole, head * (plain + value), plain))],
            });
            plan.Add(new PlannedTensor($"{DecoderModule.GgufName(DecoderRole.ValueUp, module.Layer)}.weight", both, value, latent.KeyRank,
                0)
            {
                Matrices = [.. heads.Select(IWeightMatrix (head) => new RowsMatrix(whole, (head * (plain + value)) + plain, value))],
            });
        }

        void AddPacked(DecoderModule module)
        {
            ImmutableArray<IWeightMatrix> experts =
                [.. Enumerable.Range(0, module.Experts).Select(i => PackedExperts.Matrix(model, directory, module, i))];
            string[] tensors = [.. PackedExperts.Tensors(model, module)];
            used.UnionWith(tensors);
            plan.Add(new PlannedTensor($"{module.Gguf}.weight", model.Tensors[tensors[0]], module.Rows, module.Columns, 0)
            {
                Matrices = experts,
            });
            if (PackedExperts.AreRows(module)) return;
            float[] biases = PackedExperts.Biases(model, directory, module);
            plan.Add(new PlannedTensor($"{module.Gguf}.bias", model.Tensors[tensors[^1]], module.Experts, module.Rows, 0)
            {
                Values = biases,
                StaysF32 = true,
            });
        }
    }
}
