using System.Collections.Immutable;
using System.Text;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Runs;
using QuantBench.Core.Variants;

namespace QuantBench.Cli.Commands;

/// <summary>A suite for one model, written with comments.</summary>
internal sealed record SuiteDraft
{
    private const long ProcessBytes = 300L << 20; // beside the weights: caches, buffers, the program itself
    private const double MostOfMemory = 0.8;
    private const double Billion = 1e9;

    /// <summary>The levels that a model with float weights is swept over, those with most bits first.</summary>
    public static readonly string[] Levels =
        ["gguf:F16", "gguf:Q8_0", "gguf:Q6_K", "gguf:Q5_K_M", "gguf:Q4_K_M", "gguf:Q4_0", "gguf:Q3_K_M", "gguf:Q2_K"];

    /// <summary>The suite's and the model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The model's source, as the suite names it.</summary>
    public required string Source { get; init; }

    /// <summary>What the source is, in words.</summary>
    public required string What { get; init; }

    /// <summary>Number of its weights.</summary>
    public required long Weights { get; init; }

    /// <summary>Bytes of the source.</summary>
    public required long SourceBytes { get; init; }

    /// <summary>This machine.</summary>
    public required Fingerprint Machine { get; init; }

    /// <summary>Bytes of memory that it has.</summary>
    public required long Memory { get; init; }

    /// <summary>Variants, those with most bits first; at least one.</summary>
    public required ImmutableArray<string> Variants { get; init; }

    /// <summary>Variants that don't fit into memory.</summary>
    public required ImmutableArray<string> LeftOut { get; init; }

    /// <summary>Backends; at least one.</summary>
    public required ImmutableArray<string> Backends { get; init; }

    /// <summary>The text that quality is measured on; null = none is here, or quality means nothing.</summary>
    public required string? Dataset { get; init; }

    /// <summary>Whether a variant is a plain float format.</summary>
    /// <param name="claim">What a file says it is.</param>
    public static bool IsFloat(string claim) => claim.Split(':')[^1] is "F32" or "F16" or "BF16";

    /// <summary>Bytes of memory that a machine needs to run a variant.</summary>
    /// <param name="variant">Variant id.</param>
    /// <param name="weights">Number of weights.</param>
    /// <param name="sourceBytes">Bytes of the source, which a variant that takes it as it is has.</param>
    public static long MemoryOf(string variant, long weights, long sourceBytes) =>
        (long)((BytesOf(variant, weights, sourceBytes) + ProcessBytes) / MostOfMemory);

    /// <summary>The suite's text.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        Line($"# Written by 'quantbench init' for {Format.Count(Weights)} weights: {What}.");
        Line($"# This machine: {Machine.Cpu}, {Machine.LogicalCores} threads, {Plain(Format.Bytes(Memory))} of memory.");
        Line("# 'quantbench suites validate FILE' says what it expands to; docs/suites.md explains every key.");
        Line("");
        Line($"suite: {Name}");
        Line("");
        Line("models:");
        Line($"  - id: {Name}");
        Line($"    source: {Quoted(Source)}");
        Line("");
        Line(Variants.Length > 1 ? "# The first is what the others are compared with. 'quantbench variants' lists all there are."
            : "# It is measured as it is: a quantized model isn't quantized again.");
        Line("variants:");
        foreach (string variant in Variants)
            Line($"  - {Quoted(variant)}  # about {Plain(Format.Bytes(BytesOf(variant, Weights, SourceBytes)))}");
        if (!LeftOut.IsEmpty) Line($"  # too large for this machine's memory: {string.Join(", ", LeftOut)}");
        Line("");
        Line("# What runs it; 'quantbench doctor' lists what this machine has.");
        Line($"backends: [{string.Join(", ", Backends)}]");
        Line("");
        Line("settings:");
        Line("  threads: 0  # all cores that the process may use");
        Line("");
        Line("workloads:");
        if (Dataset is null)
        {
            Line(Source.StartsWith("synthetic:", StringComparison.Ordinal) ? "  # No quality: random weights have none."
                : "  # No text is here to measure quality on; any file can be one: - perplexity: { dataset: /path/to/text.txt }");
        }
        else
        {
            string on = $"dataset: {Dataset}, n_ctx: 512, chunks: {Chunks}";
            Line($"  # More chunks make intervals narrower; {Chunks} of 512 tokens are {Chunks * 255} scored tokens.");
            Line($"  - perplexity: {{ {on} }}");
            if (Variants.Length > 1)
                Line($"  - divergence: {{ {on}, reference: {Quoted(Variants[0])}, reference_backend: {Backends[0]} }}");
        }

        Line("  # Ends when the interval is within target_ci (2 %), or after time_cap seconds each for prompt and generation.");
        Line("  - latency: { prompt: 512, generate: 128, time_cap: 10 }");
        Line("  - load: { repetitions: 5, time_cap: 5 }");
        if (Dataset is not null && Variants.Length > 1)
        {
            Line("");
            Line("exclude:");
            Line($"  - {{ variant: {Quoted(Variants[0])}, workload: divergence }}  # from itself: zero by definition");
        }

        Line("");
        Line("limits:");
        Line($"  cell_timeout: {Minutes}m  # a cell that passes it is failed, the others go on");
        Line($"  prepare_timeout: {Math.Max(10, 2 * Minutes)}m");
        Line("");
        Line("# Timings go round the variants, so that a machine that gets warmer moves neighbours alike.");
        Line("interleave: true");
        return text.ToString();

        void Line(string line) => text.Append(line).Append('\n');
    }

    // By how long a core or two take; the larger the model, the less text.
    private (int Chunks, int Minutes) Size =>
        (Weights / Billion) switch { < 0.3 => (64, 5), < 2 => (32, 20), < 8 => (16, 45), _ => (8, 120) };

    private int Chunks => Size.Chunks;

    private int Minutes => Size.Minutes;

    // Of a mix the name says less than the file has.
    private static long BytesOf(string variant, long weights, long sourceBytes)
    {
        if (!Levels.Contains(variant)) return sourceBytes;
        int bits = Variant.Parse(variant).Scheme.NominalBits;
        return (long)(weights * (bits < 16 ? bits + 0.8 : bits) / 8);
    }

    private static string Plain(string text) => text.Replace('\u00a0', ' ').Replace('\u202f', ' ');

    private static string Quoted(string text) =>
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-' or ':') && !text.EndsWith(':')
            ? text : $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
