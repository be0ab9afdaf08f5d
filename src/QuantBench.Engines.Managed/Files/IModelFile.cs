using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Managed.Files;

/// <summary>A mapped model in some format, by GGUF's keys and tensor names.</summary>
internal unsafe interface IModelFile : IDisposable
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

    /// <summary>Whether every tensor's type can be read.</summary>
    Support CanRead();

    /// <summary>Whether there is a tensor.</summary>
    /// <param name="name">Full name.</param>
    bool Contains(string name);

    /// <summary>A matrix, where the file is mapped.</summary>
    /// <param name="name">Name without <c>.weight</c>.</param>
    /// <param name="rows">Its rows; null = as many as there are.</param>
    /// <param name="columns">Its columns.</param>
    /// <exception cref="ModelFormatException">It is missing or has another shape.</exception>
    /// <exception cref="EngineException">Its type can't be read.</exception>
    WeightMatrix Matrix(string name, int? rows, int columns);

    /// <summary>Copies a vector.</summary>
    /// <param name="name">Full name.</param>
    /// <param name="length">Its length.</param>
    /// <param name="target">[length].</param>
    /// <exception cref="ModelFormatException">It is missing or has another length.</exception>
    /// <exception cref="EngineException">Its type can't be read.</exception>
    void CopyVector(string name, int length, float* target);
}
