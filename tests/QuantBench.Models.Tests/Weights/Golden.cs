using System.Runtime.InteropServices;
using System.Text.Json;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Weights;

/// <summary>Goldens of an independent implementation; see the README beside them.</summary>
internal static class Golden
{
    public static JsonElement Read(string name)
    {
        string path = RepositoryRoot.Combine("tests", "QuantBench.Models.Tests", "Weights", "Goldens", name);
        return JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
    }

    public static byte[] Bytes(this JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString() ?? "");

    public static float[] Floats(this JsonElement element, string name) => MemoryMarshal.Cast<byte, float>(element.Bytes(name)).ToArray();

    public static int Int(this JsonElement element, string name) => element.GetProperty(name).GetInt32();
}
