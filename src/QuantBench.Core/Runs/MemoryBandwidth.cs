using System.Text.Json.Serialization;

namespace QuantBench.Core.Runs;

/// <summary>Memory bandwidth of a machine, in bytes per second as STREAM counts them; the best of several passes.</summary>
/// <param name="ReadBytesPerSecond">Reading one array.</param>
/// <param name="CopyBytesPerSecond">Copying one array to another.</param>
/// <param name="TriadBytesPerSecond">Combining two arrays in a third.</param>
/// <param name="Threads">Threads that did it.</param>
/// <param name="ArrayBytes">Bytes of each array.</param>
public sealed record MemoryBandwidth(double ReadBytesPerSecond, double CopyBytesPerSecond, double TriadBytesPerSecond, int Threads,
    long ArrayBytes)
{
    /// <summary>The best of the three: what kernels are held against.</summary>
    [JsonIgnore]
    public double BestBytesPerSecond => Math.Max(ReadBytesPerSecond, Math.Max(CopyBytesPerSecond, TriadBytesPerSecond));
}
