using System.Collections.Immutable;
using QuantBench.Core.Settings;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Kernels;

namespace QuantBench.Microbenchmarks.Kernels;

/// <summary>Which kernels are benchmarked. Benchmarks run in this process, so it is read once and holds for all of them.</summary>
internal sealed record KernelSelection
{
    /// <summary>Block types.</summary>
    public required ImmutableArray<GgmlType> Types { get; init; }

    /// <summary>Sizes of the weight matrix.</summary>
    public required ImmutableArray<MatrixSize> Shapes { get; init; }

    /// <summary>Vectors that MatMat multiplies at once.</summary>
    public required int Tokens { get; init; }

    /// <summary>CPU threads; 0 = all.</summary>
    public required int Threads { get; init; }

    /// <summary>CPU threads in number.</summary>
    public int UsedThreads => Threads > 0 ? Threads : Environment.ProcessorCount;

    /// <summary>The selection of this process: everything, unless environment variables narrow it.</summary>
    public static KernelSelection Current { get; } = Read(Environment.GetEnvironmentVariable);

    /// <summary>Reads a selection.</summary>
    /// <param name="variable">Value of an environment variable, or null.</param>
    /// <exception cref="ArgumentException">A value isn't what it should be.</exception>
    public static KernelSelection Read(Func<string, string?> variable)
    {
        using IEngine engine = Engines.Create();
        ImmutableArray<GgmlType> known = ((IKernelEngine)engine).KernelTypes;
        return new KernelSelection
        {
            Types = [.. Words("QUANTBENCH_KERNEL_TYPES", string.Join(',', known)).Select(Type)],
            Shapes = [.. Words("QUANTBENCH_KERNEL_SHAPES", "2048x2048,8192x2048").Select(Shape)],
            Tokens = Number("QUANTBENCH_KERNEL_TOKENS", 128, 2, 4096),
            Threads = Number("QUANTBENCH_KERNEL_THREADS", 0, 0, 1024),
        };

        string[] Words(string name, string usual) =>
            (variable(name) is { Length: > 0 } text ? text : usual)
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

        // never null
        GgmlType Type(string text) =>
            known.Select(t => (GgmlType?)t)
                .FirstOrDefault(t => GgmlTypes.Get(t!.Value).Name.Equals(text, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"QUANTBENCH_KERNEL_TYPES: there are no kernels for '{text}'; known: {string.Join(", ", known)}");

        static MatrixSize Shape(string text) => MatrixSize.TryParse(text, out MatrixSize size)
            ? size
            : throw new ArgumentException($"QUANTBENCH_KERNEL_SHAPES: '{text}' is no shape; write {MatrixSize.Rule}");

        int Number(string name, int usual, int least, int most) => variable(name) is not { Length: > 0 } text
            ? usual
            : int.TryParse(text, out int number) && number >= least && number <= most ? number
                : throw new ArgumentException($"{name} is '{text}', but must be {least} to {most}");
    }
}
