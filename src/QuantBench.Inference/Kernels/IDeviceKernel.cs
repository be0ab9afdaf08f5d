namespace QuantBench.Inference.Kernels;

/// <summary>A kernel on a device with a clock and memory of its own. It is timed by that clock, and its share is one of that memory's
/// bandwidth.</summary>
public interface IDeviceKernel : IKernel
{
    /// <summary>Does the operation several times, one right after the other, and waits for the end.</summary>
    /// <param name="runs">How often; at least 1.</param>
    /// <returns>Seconds of all of them together by the device's clock; the host's preparations aren't in it.</returns>
    double Time(int runs);

    /// <summary>Measures how fast the device copies its memory.</summary>
    /// <returns>Bytes read and written per second.</returns>
    double CopyBandwidth();
}
