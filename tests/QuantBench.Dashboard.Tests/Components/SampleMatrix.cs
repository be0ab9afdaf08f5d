using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Matrix;

namespace QuantBench.Dashboard.Tests.Components;

/// <summary>A small matrix by hand.</summary>
internal static class SampleMatrix
{
    public static MatrixView View() => new(
        MetricTable.Get("tg_tps"), "token/s", new MatrixSlice("k", "latency"), [new MatrixEngine("llamacpp", ["cpu", "cuda:0"])],
        [
            new MatrixGroup("low, 3–4 bit",
            [
                new MatrixRow(Variant.Parse("Q4_0"), "4.89",
                [
                    new MatrixCell("c1", MatrixCellKind.Value, "410", 8, "gguf:Q4_0 on llamacpp/cpu: 410 token/s", false, false),
                    new MatrixCell("c2", MatrixCellKind.Failed, "failed", 0, "gguf:Q4_0 on llamacpp/cuda:0: failed, out of memory", false,
                        false),
                ]),
                new MatrixRow(Variant.Parse("Q3_K_M"), "4.36",
                [
                    new MatrixCell("c3", MatrixCellKind.Unsupported, "", 0, "gguf:Q3_K_M on llamacpp/cpu: unsupported", false, false),
                    new MatrixCell(null, MatrixCellKind.Waiting, "waiting", 0, "gguf:Q3_K_M on llamacpp/cuda:0: waiting", false, false),
                ]),
            ]),
        ],
        "100", "410", false, false, "finding");
}
