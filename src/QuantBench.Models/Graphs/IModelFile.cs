using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Graphs;

/// <summary>A mapped model in some format, by GGUF's keys and tensor names.</summary>
public interface IModelFile : IDisposable
{
    /// <summary>Path for messages.</summary>
    string Path { get; }

    /// <summary>Sizes and constants.</summary>
    GgufMetadata Metadata { get; }

    /// <summary>Names of all tensors.</summary>
    IEnumerable<string> TensorNames { get; }

    /// <summary>Whether rows of Q and K are in Hugging Face's order, so that rotary positions turn halves whatever the
    /// architecture.</summary>
    bool RotatesHalves { get; }

    /// <summary>Number of weights.</summary>
    long ParameterCount { get; }

    /// <summary>Bytes of all tensors.</summary>
    long TensorBytes { get; }

    /// <summary>Why a tensor can't be read; null when all can.</summary>
    string? Unreadable();

    /// <summary>Whether there is a tensor.</summary>
    /// <param name="name">Full name.</param>
    bool Contains(string name);

    /// <summary>A matrix, where the file is mapped.</summary>
    /// <param name="name">Name without <c>.weight</c>.</param>
    /// <param name="rows">Its rows; null = as many as there are.</param>
    /// <param name="columns">Its columns.</param>
    /// <exception cref="ModelFormatException">It is missing, has another shape, or its type can't be read.</exception>
    WeightMatrix Matrix(string name, int? rows, int columns);

    /// <summary>Matrices of the same shape that are one tensor, where the file is mapped.</summary>
    /// <param name="name">Name without <c>.weight</c>.</param>
    /// <param name="count">How many.</param>
    /// <param name="rows">Rows of each.</param>
    /// <param name="columns">Columns of each.</param>
    /// <exception cref="ModelFormatException">The tensor is missing, has another shape, or its type can't be read.</exception>
    WeightMatrix[] Matrices(string name, int count, int rows, int columns);

    /// <summary>A matrix, as rows in Hugging Face's order.</summary>
    /// <param name="module">Which.</param>
    /// <exception cref="ModelFormatException">It is missing, has another shape, or its type can't be read.</exception>
    IWeightMatrix Matrix(DecoderModule module);

    /// <summary>Tells the system that a matrix's pages aren't needed for now.</summary>
    /// <param name="module">Which.</param>
    void Release(DecoderModule module);

    /// <summary>A vector: a norm, a bias or factors of rotary positions, as GGUF would hold it.</summary>
    /// <param name="name">Full name.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="ModelFormatException">It is missing, has another length, or its type can't be read.</exception>
    float[] Vector(string name, int length);
}
