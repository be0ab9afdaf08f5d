using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Decoders;

/// <summary>
/// The weights of a llama-family decoder by the names of <see cref="DecoderModules"/>, in Hugging Face's row order: rotary positions turn
/// the pairs (j, j + size/2) of each head, whatever the file's own order is.
/// </summary>
public interface IDecoderWeights : IDisposable
{
    /// <summary>Its file or directory, for messages.</summary>
    string Path { get; }

    /// <summary>Sizes and constants.</summary>
    DecoderShape Shape { get; }

    /// <summary>Divisors of rotary angles.</summary>
    RotaryFactors RopeFactors { get; }

    /// <summary>Token that begins a text; null when there is none.</summary>
    int? BeginToken { get; }

    /// <summary>Tokens that end a text.</summary>
    ImmutableArray<int> EndTokens { get; }

    /// <summary>A matrix.</summary>
    /// <param name="module">Its name.</param>
    /// <exception cref="ModelFormatException">It is missing or of another shape.</exception>
    IWeightMatrix Matrix(string module);

    /// <summary>A matrix's bias; null when it has none.</summary>
    /// <param name="module">Name of the matrix.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="ModelFormatException">It has another length or isn't of floats.</exception>
    float[]? Bias(string module, int length);

    /// <summary>A norm's weights.</summary>
    /// <param name="module">Its name.</param>
    /// <param name="length">Their number.</param>
    /// <exception cref="ModelFormatException">They are missing, of another number or no floats.</exception>
    float[] Norm(string module, int length);

    /// <summary>Tells the system that a matrix's pages aren't needed for now, so that a conversion's memory doesn't grow with its
    /// source.</summary>
    /// <param name="module">Name of the matrix.</param>
    void Release(string module);
}
