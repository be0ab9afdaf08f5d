using QuantBench.Engines.Ilgpu.Devices;

namespace QuantBench.Engines.Ilgpu.Tests;

public sealed class NvmlTests
{
    [Fact]
    public void FreeBytes_IsUnknown_WithoutTheLibraryOrSuchADevice() => Assert.Null(Nvml.FreeBytes("00000000:ff:1f.0"));
}
