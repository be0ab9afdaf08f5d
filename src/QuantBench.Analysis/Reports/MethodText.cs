using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Reports;

/// <summary>How the figures were made, in the words both reports use. Only what applies to the run is printed.</summary>
internal static class MethodText
{
    public static ImmutableArray<string> Of(RunReport report)
    {
        bool Has(MetricDefinition metric) => report.Metrics.Contains(metric);
        var text = ImmutableArray.CreateBuilder<string>();
        if (Has(MetricTable.Perplexity))
        {
            text.Add(
                "Perplexity is llama-perplexity's definition: the whole text is tokenized and cut into chunks of n_ctx tokens that don't "
                    + "overlap; each runs from an empty cache; "
                + "only the second half of each chunk is scored (positions n_ctx/2 to n_ctx − 2 predict their next token); perplexity is "
                + "exp of the mean negative log-likelihood, "
                + "± is perplexity × √(variance / (n − 1)), one standard error.");
        }

        if (Has(MetricTable.MeanDivergence))
        {
            text.Add(
                "Divergence compares the next-token distribution with the reference variant's at the same positions: mean KL divergence "
                    + "and the share of positions with the same most likely token. "
                + "ΔPPL is the perplexity relative to the reference's; both scored the same tokens, so its error is the paired one and far "
                + "smaller than the two perplexities' own.");
        }

        if (Has(MetricTable.GenerationSpeed) || Has(MetricTable.PromptSpeed))
        {
            text.Add(
                "Speeds and times are medians over the repetitions that nothing disturbed, after warm-up, in several processes; pp is "
                    + "prompt processing, tg generation, TTFT the time from "
                    + "the first prompt token handed over to the first logits read. "
                + "Digits follow the 95 % interval over the processes, or over the repetitions where there was one. "
                + "p99 is shown from 662 samples on.");
        }

        if (Has(MetricTable.KernelBandwidth))
        {
            text.Add(
                "Kernels are timed alone on random weights of one block type; figures are medians over samples of some milliseconds after "
                    + "warm-up. Bandwidth counts the weights as a file holds "
                + "them, float inputs and float outputs, each once; speed counts a multiplication and an addition per weight and token. "
                + "Unless cache = hot, more weights than the caches hold take "
                + "turns, so that they come from memory. The share is of the best rate at which all cores together read, copied or "
                + "combined arrays of four times the last cache's size before "
                + "the first kernel (after STREAM); a kernel whose inputs and outputs stay in the caches can exceed it.");
        }

        if (Has(MetricTable.PeakMemory))
            text.Add("Every cell runs in a process of its own; peak RSS is the kernel's figure for that process.");
        text.Add("Figures that are missing were not measured; none is estimated.");
        return text.ToImmutable();
    }
}
