using ILGPU.Runtime.OpenCL;

namespace QuantBench.Engines.Ilgpu.Devices;

/// <summary>Texts that an OpenCL device tells about itself.</summary>
internal static class OpenClText
{
    /// <summary>CL_DRIVER_VERSION.</summary>
    public const CLDeviceInfoType DriverVersion = CLDeviceInfoType.CL_DRIVER_VERSION;

    /// <summary>Reads a text; empty when the device doesn't tell.</summary>
    /// <param name="device">The device.</param>
    /// <param name="what">Which text.</param>
    public static string Read(CLDevice device, CLDeviceInfoType what)
    {
        try
        {
            return CLAPI.CurrentAPI.GetDeviceInfo(device.DeviceId, what).Trim('\0', ' ');
        }
        catch (CLException)
        {
            return "";
        }
    }
}
