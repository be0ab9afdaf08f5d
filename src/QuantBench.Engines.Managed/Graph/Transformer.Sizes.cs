using QuantBench.Engines.Managed.Kernels;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>How much memory a forward pass takes.</summary>
internal sealed unsafe partial class Transformer
{
    /// <summary>What <see cref="MemoryBytes"/> will be.</summary>
    /// <param name="model">The weights; repacked or not.</param>
    /// <param name="kernels">The arithmetic.</param>
    /// <param name="capacity">Most tokens of a micro-batch.</param>
    /// <param name="threads">Workers.</param>
    public static long BytesOf(ModelWeights model, KernelSet kernels, int capacity, int threads)
    {
        DecoderShape shape = model.Shape;
        var widths = new Widths(shape);
        (bool inputsWide, bool hiddenWide, bool expertsWide) = WideInputs(model, kernels);
        int slots = capacity * shape.ExpertsUsed;
        return widths.BufferBytes(capacity)
            + Activations.BytesOf(capacity, widths.Input, inputsWide, shared: false)
            + Activations.BytesOf(capacity, widths.Gate, hiddenWide, shared: widths.Gate % 64 == 0)
            + (widths.Compressed == 0 ? 0 : Activations.BytesOf(capacity, widths.Compressed, inputsWide, shared: false))
            + (widths.PerHead == 0 ? 0 : Activations.BytesOf(capacity * shape.Heads, widths.PerHead, inputsWide, shared: false))
            + (slots == 0 ? 0 : Activations.BytesOf(slots, shape.Embedding, inputsWide, shared: shape.Embedding % 64 == 0)
                + Activations.BytesOf(slots, shape.ExpertFeedForward, expertsWide, shared: shape.ExpertFeedForward % 64 == 0))
            + (threads * WorkerScratch.BytesOf(widths.Widest, Attention.ScratchFloats(shape)));
    }

    private static (bool Inputs, bool Hidden, bool Experts) WideInputs(ModelWeights model, KernelSet kernels) =>
    (
        kernels.UsesWideInputs(model.Head.Type)
            || model.Layers.Any(layer => layer.Linears.Any(linear => kernels.UsesWideInputs(linear.Weights.Type))),
        model.Layers.Any(layer => layer.Common is { } common && kernels.UsesWideInputs(common.Down.Weights.Type)),
        model.Layers.Any(layer => layer.Experts is { } e && kernels.UsesWideInputs(e.Down[0].Weights.Type))
    );

    /// <summary>Elements per token of what a pass keeps.</summary>
    private readonly struct Widths(DecoderShape shape)
    {
        public int Query { get; } = shape.Heads * shape.HeadWidth;

        public int Key { get; } = shape.KvHeads * shape.HeadWidth;

        public int Input { get; } = Math.Max(shape.Embedding, shape.MixedWidth);

        public int Compressed { get; } = shape.Latent?.QueryRank ?? 0;

        public int Whole { get; } = shape.Latent is { } l ? shape.Heads * l.HeadWidth : 0;

        public int PerHead { get; } = shape.Latent is { } widths ? Math.Max(widths.PlainWidth, widths.KeyRank) : 0;

        public int Gate { get; } = Math.Max(shape.CommonFeedForward, 1);

        public int Up { get; } = Math.Max(Math.Max(shape.CommonFeedForward, 1), shape.Embedding);

        public int Widest => Math.Max(Math.Max(Input, Math.Max(Compressed, PerHead)), Math.Max(Gate, shape.ExpertFeedForward));

        public long BufferBytes(int capacity)
        {
            long slotWidth = (2 * Rounded(shape.ExpertFeedForward)) + Rounded(shape.Embedding);
            long floats = (long)shape.Embedding + Query + (2 * Key) + Gate + Up + (2 * shape.RotatedWidth) + (12 * 16) + Compressed + Whole
                + shape.Experts + (slotWidth * shape.ExpertsUsed);
            return ((floats * capacity) + GateElements) * sizeof(float);
        }
    }
}
