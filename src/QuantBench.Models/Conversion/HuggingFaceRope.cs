using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Conversion;

/// <summary>Rotary positions as <c>config.json</c> gives them.</summary>
/// <param name="Base">Base of the angles; null = the architecture's usual one.</param>
/// <param name="LocalBase">Base of layers with a sliding window; null = the same.</param>
/// <param name="RotatedSize">Leading elements of a head that are rotated.</param>
/// <param name="Type"><c>linear</c>, <c>yarn</c>, <c>llama3</c> or <c>longrope</c>; null = not stretched.</param>
/// <param name="Factor">By how much; 1 for <c>longrope</c>, whose factors say.</param>
/// <param name="OriginalContextLength">Context length before stretching; null where the file doesn't say.</param>
/// <param name="Source">The JSON object, for what only one type has.</param>
internal sealed record HuggingFaceRope(double? Base, double? LocalBase, int RotatedSize, string? Type, double Factor,
    int? OriginalContextLength, ModelJson? Source)
{
    /// <summary>What says how much queries grow beyond the context before stretching.</summary>
    public const string TemperatureKey = "llama_4_scaling_beta";

    private static readonly (string Name, double Usual)[] s_yarn =
        [("beta_fast", 32), ("beta_slow", 1), ("truncate", 1), ("extrapolation_factor", 1), ("attn_factor", 1)];

    /// <summary>Reads the settings.</summary>
    /// <exception cref="ModelFormatException">They are broken or of a kind that isn't read.</exception>
    public static HuggingFaceRope Read(ModelJson json, DecoderArchitecture architecture, int hidden, int heads, int headSize,
        int context)
    {
        // Newer files gather the settings in one object, by kind of layer where those differ; older ones have rope_theta and rope_scaling
        // apart.
        ModelJson? parameters = json.Find("rope_parameters");
        ModelJson? local = parameters?.Find("sliding_attention");
        ModelJson? main = parameters?.Find("full_attention") ?? parameters;
        ModelJson? scaling = main ?? json.Find("rope_scaling");
        string? type = (scaling?.Find("rope_type") ?? scaling?.Find("type"))?.AsString() switch
        {
            null or "default" => null,
            "su" => "longrope",
            ("linear" or "yarn" or "llama3" or "longrope") and var known => known,
            { } other =>
                throw new UnsupportedException(json.File,
                    $"the rotary scaling '{other}' is not read; linear, yarn, llama3 and longrope are."),
        };
        if (type == "longrope" && !architecture.HasLongRope)
            throw new UnsupportedException(json.File,
                $"the rotary scaling 'longrope' is read for phi3 models, not for {architecture.Gguf}.");
        if (architecture.HasLatentAttention && type is "linear" or "llama3" or "longrope")
        {
            throw new UnsupportedException(json.File,
                $"the rotary scaling '{type}' is not read for {architecture.Gguf}, where llama.cpp computes something else; yarn is.");
        }

        if (scaling is { } settings) HuggingFaceKeys.CheckRope(settings, type, architecture);
        if (local is { } windowed) CheckLocal(windowed, architecture);
        double factor = 1;
        if (scaling is { } stretched && type is "linear" or "yarn" or "llama3")
        {
            ModelJson given = scaling.Value.Get("factor");
            factor = given.AsDouble() is var value and > 0 ? value : throw given.Wrong("above 0");
        }

        if (type == "yarn" && scaling is { } stretch) CheckYarn(stretch, architecture);
        ModelJson? original = scaling?.Find("original_max_position_embeddings") ?? json.Find("original_max_position_embeddings");
        var rope = new HuggingFaceRope(
            (main?.Find("rope_theta") ?? json.Find("rope_theta"))?.AsDouble(),
            (json.Find("rope_local_base_freq") ?? local?.Find("rope_theta"))?.AsDouble(),
            ReadRotatedSize(main?.Find("partial_rotary_factor") ?? json.Find("partial_rotary_factor"), architecture, hidden, heads,
                headSize),
            type, factor, original?.AsInt32(1, int.MaxValue), scaling);
        return architecture.HasLongRope ? rope with { OriginalContextLength = rope.OriginalContextLength ?? context } : rope;
    }

    /// <summary>What GGUF files hold as tensors: divisors of each pair's angle, by the tensor's name.</summary>
    /// <param name="headSize">Elements per head.</param>
    /// <exception cref="ModelFormatException">The settings are broken.</exception>
    public ImmutableArray<(string Name, float[] Factors)> Tensors(int headSize) => Type switch
    {
        "llama3" => [("rope_freqs.weight", Llama3Factors(headSize))],
        "longrope" =>
            [("rope_factors_long.weight", LongFactors("long_factor")), ("rope_factors_short.weight", LongFactors("short_factor"))],
        _ => [],
    };

    /// <summary>Factor of rotated vectors in <c>yarn</c> models, beside the one that follows from the stretch alone.</summary>
    public double YarnAttentionFactor()
    {
        double usual = YarnScale(1);
        double Given(string name) => Source?.Find(name)?.AsDouble() ?? 0;
        return Given("attention_factor") is not 0 and var factor ? factor / usual
            : Given("mscale") is not 0 and var scale && Given("mscale_all_dim") is not 0 and var all
                ? YarnScale(scale) / YarnScale(all) / usual
            : 1;
    }

    /// <summary>Factor of rotated vectors in <c>longrope</c> models: the longer the stretch, the sharper attention must be.</summary>
    /// <param name="context">Context length of the stretched model.</param>
    public double LongAttentionFactor(int context)
    {
        if (Source?.Find("attention_factor")?.AsDouble() is { } given) return given;
        double original = OriginalContextLength ?? context;
        double scale = context / original;
        return scale > 1 ? Math.Sqrt(1 + (Math.Log(scale) / Math.Log(original))) : 1;
    }

    private double YarnScale(double sharpness) => Factor <= 1 ? 1 : (0.1 * sharpness * Math.Log(Factor)) + 1;

    /// <summary>What GGUF files can't say for every architecture stays at what engines take for granted.</summary>
    private static void CheckYarn(ModelJson settings, DecoderArchitecture architecture)
    {
        foreach ((string name, double usual) in s_yarn)
        {
            // gpt-oss asks for a ramp between broken numbers of pairs; llama.cpp, whose figures others are compared with, rounds it.
            if (name == "truncate" && architecture.Experts == ExpertTraits.GptOss) continue;
            if (settings.Find(name) is { } value && (value.IsBoolean ? value.AsBoolean() ? 1 : 0 : value.AsDouble()) != usual)
                throw new UnsupportedException(settings.File, $"the rotary setting '{name}' is read where it is {usual} or not there.");
        }

        // What llama.cpp takes for granted: scores are sharpened, and rotated parts not besides.
        if (!architecture.HasLatentAttention) return;
        double sharpness = settings.Find("mscale_all_dim")?.AsDouble() ?? 0, rotated = settings.Find("mscale")?.AsDouble() ?? 0;
        if (sharpness <= 0 || rotated != sharpness || (settings.Find("attention_factor")?.AsDouble() ?? 0) != 0)
        {
            throw new UnsupportedException(settings.File,
                $"yarn with 'mscale' {rotated} and 'mscale_all_dim' {sharpness} is not read; {architecture.Gguf} models where both are the "
                    + "same, above 0, and no 'attention_factor' is given are.");
        }
    }

    /// <summary>Windowed layers have a base of their own, and don't stretch positions.</summary>
    private static void CheckLocal(ModelJson settings, DecoderArchitecture architecture)
    {
        HuggingFaceKeys.CheckRope(settings, null, architecture);
        if ((settings.Find("rope_type") ?? settings.Find("type"))?.AsString() is { } type and not "default")
            throw new UnsupportedException(settings.File, $"windowed layers with the rotary scaling '{type}' are not read.");
    }

    private static int ReadRotatedSize(ModelJson? factor, DecoderArchitecture architecture, int hidden, int heads, int headSize)
    {
        if (factor is not { } part)
            return architecture.RotatesPart ? (int)(headSize * architecture.RotatedShare) / 2 * 2 : headSize;
        if (part.AsDouble() == 1) return headSize;
        if (!architecture.RotatesPart)
        {
            throw new UnsupportedException(part.File,
                $"{architecture.Gguf} models that rotate a part of each head ('partial_rotary_factor') are not read.");
        }

        int rotated = architecture.RotatedShare == 1 ? (int)(part.AsDouble() * hidden) / heads : (int)(part.AsDouble() * headSize);
        return rotated >= 2 && rotated <= headSize && rotated % 2 == 0 ? rotated
            : throw part.Wrong("a share of the head with an even number of elements");
    }

    /// <summary>
    /// What llama3's scaling divides each rotation frequency by: 1 for waves that fit the trained context often, the factor for those
    /// that don't, a blend between.
    /// </summary>
    private float[] Llama3Factors(int headSize)
    {
        ModelJson json = Source ?? throw new InvalidOperationException("a scaling has its source");
        double lowFactor = json.Find("low_freq_factor")?.AsDouble() ?? 1.0;
        double highFactor = json.Find("high_freq_factor")?.AsDouble() ?? 4.0;
        double trainedContext = json.Find("original_max_position_embeddings")?.AsInt32(1, int.MaxValue) ?? 8192;
        if (lowFactor <= 0 || highFactor <= lowFactor)
            throw new ModelFormatException(json.File, null, "'high_freq_factor' must be above 'low_freq_factor', and that above 0.");
        float ropeBase = (float)(Base ?? 10000.0);
        float[] factors = new float[headSize / 2];
        for (int i = 0; i < factors.Length; i++)
        {
            // Frequencies are single precision in the converter this follows.
            float frequency = 1.0f / MathF.Pow(ropeBase, 2.0f * i / headSize);
            double wavelength = 2 * Math.PI / frequency;
            double smooth = ((trainedContext / wavelength) - lowFactor) / (highFactor - lowFactor);
            factors[i] = wavelength < trainedContext / highFactor ? 1
                : wavelength > trainedContext / lowFactor ? (float)Factor
                : (float)(1 / (((1 - smooth) / Factor) + smooth));
        }

        return factors;
    }

    private float[] LongFactors(string name)
    {
        ModelJson json = (Source ?? throw new InvalidOperationException("a scaling has its source")).Get(name);
        float[] factors = [.. json.Items().Select(item => (float)item.AsDouble())];
        if (factors.Length != RotatedSize / 2 || factors.Any(factor => !(factor > 0)))
            throw json.Wrong($"{RotatedSize / 2} numbers above 0");
        return factors;
    }
}
