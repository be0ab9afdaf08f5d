using System.Collections.Immutable;
using QuantBench.Engines.Ilgpu.Devices;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>A weight format that kernels read.</summary>
/// <param name="Name">As the file calls it.</param>
/// <param name="BlockElements">Weights of a block.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
/// <param name="ReadsFloats">Whether products read inputs as floats; as 8-bit chunks otherwise.</param>
/// <param name="Planes">Fields of a block that get planes of their own: first byte and length.</param>
/// <param name="Load">Makes the launchers of its kernels.</param>
/// <param name="RecodedPlane">Plane whose fields are recoded, if any.</param>
internal sealed record DeviceFormat(
    string Name, int BlockElements, int BlockBytes, bool ReadsFloats, ImmutableArray<(int Offset, int Length)> Planes,
    Func<DeviceMemory, FormatKernels> Load,
    int RecodedPlane = -1);
