using QuantBench.Core.Statistics;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Synthesis;

namespace QuantBench.Parity;

/// <summary>
/// The managed engine over llama.cpp on the same file: both loaded, each in its own process, taking turns. Speed targets are 1.0 for the
/// four schemes that most people ship and 0.8 for the others; peak resident memory may be 1.05 times llama.cpp's. Where the rival's
/// directory holds this program of another build, the managed engine of that build takes llama.cpp's place, and every target is 0.99.
/// </summary>
internal sealed class ManagedSpeed(string root, string rival, string cache, string shapeName = ManagedSpeed.UsualShape)
{
    private const double OtherBuildTarget = 0.99;
    internal const string UsualShape = "llama-3.2-1b";
    private const double ExpertPrefillTarget = 1.5;
    private const double MemoryTarget = 1.05;

    private static readonly string[] s_first = ["Q4_0", "Q4_K_M", "Q8_0", "F16"];

    private static readonly string[] s_all =
    [
        .. s_first, "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "BF16", "F32",
        "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S",
    ];

    private readonly string? _otherBuild =
        Path.Combine(rival, Path.GetFileName(Environment.ProcessPath!)) is var there && File.Exists(there) ? there : null;

    /// <summary>Measures and prints.</summary>
    /// <param name="schemes">Comma-separated schemes, or <c>all</c>.</param>
    /// <param name="rounds">Rounds; each is one turn of either engine.</param>
    /// <param name="layers">Layers of the model; 0 = as many as the shape has. Fewer are for tuning: matrix shapes stay.</param>
    /// <returns>Number of targets missed.</returns>
    public int Measure(string schemes, int rounds, int layers)
    {
        string device = System.Runtime.Intrinsics.X86.Avx512BW.VL.IsSupported ? "avx512"
            : System.Runtime.Intrinsics.X86.Avx2.IsSupported ? "avx2" : "scalar";
        double bandwidth = BandwidthProbe.Read(SpeedTurn.Threads);
        Console.WriteLine(
            $"managed/{device} over {(_otherBuild is null ? "llama.cpp" : "another build's")} on {shapeName}"
                + $"{(layers > 0 ? $" with {layers} layers" : "")}, {SpeedTurn.Threads} threads, {rounds} rounds; "
                + $"memory reads {bandwidth / 1e9:F1} GB/s");
        Console.WriteLine(
            $"{"scheme",-8} {"pp512 t/s",18} {"ratio",6} {"tg64 t/s",16} {"ratio",6} {"GB/s",6} {"of memory",9} "
                + $"{"peak MiB",14} {"ratio",6}");
        int missed = 0;
        foreach (string scheme in schemes == "all" ? s_all : schemes.Split(','))
            missed += Measure(scheme, rounds, layers, device, bandwidth);
        return missed;
    }

    private int Measure(string scheme, int rounds, int layers, string device, double bandwidth)
    {
        string file = Synthesize(scheme, layers);
        string ourBackend = $"managed/{device}";
        using var ours = new SpeedTurn(Environment.ProcessPath!, root, rival, ourBackend, file); // a started program has a path
        using SpeedTurn theirs = _otherBuild is { } other ? new SpeedTurn(other, root, rival, ourBackend, file)
            : new SpeedTurn(Environment.ProcessPath!, root, rival, "llamacpp/cpu", file);
        foreach (string work in (string[])["tg", "pp", "tg"])
        {
            ours.Ask(work);
            theirs.Ask(work);
        }

        double[] pp = new double[rounds], tg = new double[rounds], ourPp = new double[rounds], theirPp = new double[rounds];
        double[] ourTg = new double[rounds], theirTg = new double[rounds];
        for (int i = 0; i < rounds; i++)
        {
            (ourPp[i], theirPp[i]) = (ours.Ask("pp"), theirs.Ask("pp"));
            (ourTg[i], theirTg[i]) = (ours.Ask("tg"), theirs.Ask("tg"));
            (pp[i], tg[i]) = (ourPp[i] / theirPp[i], ourTg[i] / theirTg[i]);
        }

        double ourPeak = ours.Ask("memory"), theirPeak = theirs.Ask("memory");
        double target = _otherBuild is not null ? OtherBuildTarget : s_first.Contains(scheme) ? 1.0 : 0.8;
        double prefillTarget = _otherBuild is null && SyntheticShapes.Find(shapeName) is { Experts: > 0 } ? ExpertPrefillTarget : target;
        double ppRatio = Descriptive.Median(pp), tgRatio = Descriptive.Median(tg), memory = ourPeak / theirPeak,
            read = Descriptive.Median(ourTg) * BytesPerToken(file);
        string missed = string.Join(", ", (string[])
        [
            .. ppRatio < prefillTarget ? (string[])["pp"] : [], .. tgRatio < target ? (string[])["tg"] : [],
            .. memory > MemoryTarget ? (string[])["memory"] : [],
        ]);
        Console.WriteLine(
            $"{scheme,-8} {Descriptive.Median(ourPp),8:F1} /{Descriptive.Median(theirPp),8:F1} {ppRatio,6:F2} "
                + $"{Descriptive.Median(ourTg),7:F2} /{Descriptive.Median(theirTg),7:F2} {tgRatio,6:F2} " +
            $"{read / 1e9,6:F1} {read / bandwidth,9:P0} {ourPeak / (1 << 20),6:F0} /{theirPeak / (1 << 20),6:F0} {memory,6:F2} "
                + $"{(missed == "" ? "" : "MISSED: " + missed)}");
        return missed == "" ? 0 : missed.Split(',').Length;
    }

    /// <summary>Bytes of weights that a token reads: all matrices, of embeddings that aren't the head only a row, of experts those it
    /// uses.</summary>
    private long BytesPerToken(string file)
    {
        using GgufReader reader = GgufReader.Open(file);
        SyntheticShape shape = SyntheticShapes.Find(shapeName)!; // the file is of it
        long experts = reader.Tensors.Where(t => t.Name.EndsWith("_exps.weight", StringComparison.Ordinal)).Sum(t => t.ByteSize);
        return reader.TensorBytes - (reader.Find("output.weight") is null ? 0 : reader.Find("token_embd.weight")?.ByteSize ?? 0)
            - (shape.Experts == 0 ? 0 : experts / shape.Experts * (shape.Experts - shape.ExpertsUsed));
    }

    private string Synthesize(string scheme, int layers) => Synthesize(cache, shapeName, scheme, layers);

    /// <summary>The synthetic model of a shape in a scheme, made when it isn't there.</summary>
    internal static string Synthesize(string cache, string shapeName, string scheme, int layers)
    {
        SyntheticShape shape = SyntheticShapes.Find(shapeName)
            ?? throw new ArgumentException($"no shape '{shapeName}'; {string.Join(", ", SyntheticShapes.All.Select(s => s.Name))} are");
        if (layers > 0) shape = shape with { Layers = layers };
        Directory.CreateDirectory(cache);
        string path = Path.Combine(cache, $"{shapeName}-{shape.Layers}-{scheme}.gguf");
        if (File.Exists(path)) return path;
        ModelSynthesizer.Write(path + ".tmp", shape, scheme, 1, CancellationToken.None);
        File.Move(path + ".tmp", path);
        return path;
    }
}
