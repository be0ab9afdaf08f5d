using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Conversion;

/// <summary>What <c>config.json</c> says about experts.</summary>
internal static class HuggingFaceExperts
{
    private const int MostExperts = 512;
    private const int MaxSize = 1 << 24;

    /// <summary>Their number; 0 = the model has none.</summary>
    /// <exception cref="ModelFormatException">It is missing or can't be.</exception>
    public static int Count(ModelJson json, DecoderArchitecture architecture) =>
        architecture.Experts?.CountKey is { } key ? json.Get(key).AsInt32(1, MostExperts) : 0;

    /// <summary>Width of the expert that all tokens use; 0 = there is none.</summary>
    public static int Shared(ModelJson json, DecoderArchitecture architecture) => architecture.Experts switch
    {
        { HasSharedRouter: true } => json.Get("shared_expert_intermediate_size").AsInt32(1, MaxSize),
        { HasShared: true } traits when (json.Find("n_shared_experts")?.AsInt32(0, MostExperts) ?? 0) is > 0 and var count =>
            checked(count * json.Get(traits.WidthKey).AsInt32(1, MaxSize / count)),
        _ => 0,
    };

    /// <summary>First layers without experts.</summary>
    public static int LeadingDense(ModelJson json, DecoderArchitecture architecture, int layers) =>
        architecture.Experts is { FilesDecide: true } ? json.Find("first_k_dense_replace")?.AsInt32(0, layers - 1) ?? 0 : 0;

    /// <summary>How experts are chosen and weighed, where configurations say; else null.</summary>
    /// <exception cref="UnsupportedException">In a way that isn't computed.</exception>
    public static ExpertRouting? Routing(ModelJson json, DecoderArchitecture architecture, int experts)
    {
        if (architecture.Experts is not { FilesDecide: true } traits) return null;
        int groups = json.Find("n_group")?.AsInt32(1, experts) ?? 1;
        int used = json.Find("topk_group")?.AsInt32(1, groups) ?? 1;
        if (experts % groups != 0 || (groups > 1 && (experts / groups < 2 || used >= groups)))
            throw new UnsupportedException(json.File, $"{experts} experts in {groups} groups, of which a token sees {used}, are not read.");
        string? method = json.Find("topk_method") is { IsString: true } named ? named.AsString() : null;
        if (method is not (null or "greedy" or "group_limited_greedy" or "noaux_tc") || (method == "noaux_tc" && !traits.HasRouterBias))
            throw new UnsupportedException(json.File, $"'topk_method' is '{method}', a choice of experts that isn't read here.");
        if (method == "greedy" && groups > 1)
            throw new UnsupportedException(json.File, $"'topk_method' is greedy beside {groups} groups of experts; one group is read.");
        return new ExpertRouting(json.Find("norm_topk_prob")?.AsBoolean() ?? false ? ExpertWeights.Normalised : ExpertWeights.Softmax)
        {
            IsLogistic = traits.IsLogistic,
            Groups = groups,
            GroupsUsed = used,
            Scale = (float)(json.Find("routed_scaling_factor")?.AsDouble() ?? 1),
        };
    }

    /// <summary>Width of the feed-forward part; some families with experts name only the experts' own.</summary>
    public static int FeedForward(ModelJson json, DecoderArchitecture architecture) =>
        (architecture.Experts?.CountKey is null ? json.Get("intermediate_size")
            : json.Find("intermediate_size") ?? json.Get(architecture.Experts.WidthKey)).AsInt32(1, MaxSize);

    /// <summary>Refuses experts where the architecture has none, and routing that isn't computed.</summary>
    /// <exception cref="UnsupportedException">There is some.</exception>
    public static void Check(ModelJson json, DecoderArchitecture architecture)
    {
        if (architecture.Experts is not { CountKey: { } key } traits)
        {
            if (json.Find("num_local_experts") is { } experts && experts.AsInt64() > 1)
                throw new UnsupportedException(json.File, $"{architecture.Name} models with experts ('num_local_experts') are not read.");
            return;
        }

        // Figures are comparable with llama.cpp's, which normalises by the architecture's name alone.
        bool normalises = traits.Weights == ExpertWeights.Normalised;
        if (key == "num_experts" && (json.Find("norm_topk_prob")?.AsBoolean() ?? false) != normalises)
        {
            throw new UnsupportedException(json.File,
                $"'norm_topk_prob' is {(normalises ? "false" : "true")}; {architecture.Gguf} models with "
                    + $"{(normalises ? "true" : "false")} are read.");
        }

        if (json.Find("decoder_sparse_step") is { } step && step.AsInt64() != 1)
            throw new UnsupportedException(json.File, $"'decoder_sparse_step' is {step.AsInt64()}; models with 1 are read.");
        if (json.Find("mlp_only_layers") is { IsArray: true, Count: > 0 })
            throw new UnsupportedException(json.File, "layers without experts ('mlp_only_layers') are not read.");
        if (json.Find("swiglu_limit") is { } limit && limit.AsDouble() != 7)
            throw new UnsupportedException(json.File, $"'swiglu_limit' is {limit.AsDouble()}; models with 7 are read.");
    }
}
