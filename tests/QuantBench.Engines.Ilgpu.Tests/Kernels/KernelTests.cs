using QuantBench.DeviceCheck;

namespace QuantBench.Engines.Ilgpu.Tests.Kernels;

public sealed class KernelTests(KernelTests.OpenDevices devices) : IClassFixture<KernelTests.OpenDevices>
{
    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (string device in Present.Best)
        {
            foreach (string check in Checks.All.Keys) cases.Add(device, check);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Kernel_AgreesWithItsReference_OnEveryDeviceHere(string device, string check)
    {
        long compared = Checks.All[check](devices.Get(device));

        Assert.True(compared > 0);
    }

    [Fact]
    public void OpenCl_IsHere_WhenItMustBe()
    {
        if (Present.RequiresOpenCl) Assert.Contains("opencl:0", Present.Devices);
        Assert.Contains("cpu", Present.Devices);
    }

    public sealed class OpenDevices : IDisposable
    {
        private readonly Dictionary<string, TestDevice> _open = [];

        internal TestDevice Get(string id)
        {
            if (!_open.TryGetValue(id, out TestDevice? device)) _open[id] = device = new TestDevice(id);
            return device;
        }

        public void Dispose()
        {
            foreach (TestDevice device in _open.Values) device.Dispose();
        }
    }
}
