using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Inference.Engines;

/// <summary>Ability of an engine: runs models that aren't language models, tensors in and tensors out.</summary>
public interface ITensorEngine
{
    /// <summary>Whether the artifact can be run on the device as a plain graph; reads its header at most.</summary>
    /// <param name="artifact">What to run.</param>
    /// <param name="device">A device id.</param>
    Support CanRunTensors(Artifact artifact, string device);

    /// <summary>Loads a model.</summary>
    /// <param name="artifact">What to load.</param>
    /// <param name="device">Where to; never another device than this one.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Stops loading as soon as the engine can.</param>
    /// <exception cref="QuantBench.Core.Errors.EngineException">The engine refused.</exception>
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">The file is broken.</exception>
    ITensorModel LoadTensors(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken);
}

/// <summary>A model in memory that takes tensors. Used from one thread at a time.</summary>
public interface ITensorModel : IDisposable
{
    /// <summary>Inputs, in the model's order.</summary>
    ImmutableArray<TensorPort> Inputs { get; }

    /// <summary>The device the weights are really on, as the engine reports it after loading.</summary>
    string DeviceUsed { get; }

    /// <summary>Bytes the engine reports for weights and for compute buffers.</summary>
    EngineMemory Memory { get; }

    /// <summary>Gives an input its value; it stays until given another one.</summary>
    /// <param name="name">Name of an input.</param>
    /// <param name="tensor">Its value, of the input's type.</param>
    /// <exception cref="QuantBench.Core.Errors.RequestException">Type or shape doesn't fit the input.</exception>
    void SetInput(string name, TensorValue tensor);

    /// <summary>Computes all outputs.</summary>
    /// <param name="cancellationToken">Aborts the computation as soon as the engine can.</param>
    /// <exception cref="QuantBench.Core.Errors.EngineException">The engine failed.</exception>
    void Run(CancellationToken cancellationToken);

    /// <summary>Outputs of the last <see cref="Run"/> whose elements are numbers, copied, in the model's order.</summary>
    ImmutableArray<TensorOutput> Outputs();
}

/// <summary>An input of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type: <c>float32</c>, <c>float16</c>, <c>float64</c>, <c>int64</c>, <c>int32</c>, <c>int8</c>, <c>uint8</c>,
/// <c>bool</c>, or another the engine names.</param>
/// <param name="Dimensions">Its dimensions, outermost first.</param>
public sealed record TensorPort(string Name, string Type, ImmutableArray<TensorDimension> Dimensions);

/// <summary>A dimension: fixed, or symbolic with the name the model gives it.</summary>
/// <param name="Size">Its size; null when symbolic.</param>
/// <param name="Symbol">Its name when symbolic; may be empty.</param>
public readonly record struct TensorDimension(long? Size, string Symbol);

/// <summary>A tensor handed to a model.</summary>
/// <param name="Type">Element type, as <see cref="TensorPort.Type"/> spells it.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Data">Elements in row-major order, little-endian.</param>
public sealed record TensorValue(string Type, ImmutableArray<long> Shape, ReadOnlyMemory<byte> Data);

/// <summary>A tensor a model computed, as floats.</summary>
/// <param name="Name">Name of the output.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Elements in row-major order.</param>
public sealed record TensorOutput(string Name, ImmutableArray<long> Shape, ReadOnlyMemory<float> Values);
