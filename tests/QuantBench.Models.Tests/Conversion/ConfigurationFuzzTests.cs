using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Directories;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Conversion;

/// <summary>
/// 20,000 mutated <c>config.json</c> files (another number: QUANTBENCH_FUZZ_CONFIGS), always the same ones: each is read, or there is one
/// clear error, with no more memory than comes with a model's usual sizes. A crash or hang ends the test run.
/// </summary>
public sealed class ConfigurationFuzzTests : IDisposable
{
    // What a whole description costs, factors of rotary positions included.
    private const long MaxBytes = 4 << 20;

    private static readonly int s_mutations = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_CONFIGS") ?? "20000", NumberStyles.None, CultureInfo.InvariantCulture);

    private static readonly string[] s_values =
    [
        "null", "true", "false", "0", "-1", "1", "3", "0.5", "-0.0", "64", "2147483647", "2147483648", "9223372036854775807",
        "18446744073709551616", "1e9", "1e38", "1e400", "-1e400", "\"\"", "\"x\"", "\"none\"", "[]", "[0]", "[null]", "[1,2,3]", "{}",
        """{"a":1}""", "[[[[]]]]",
    ];

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_RaisesOnlyClearErrors_WhenPublicConfigurationsAreMutated()
    {
        string[] configurations =
            [.. PublicConfigurations.All.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)];

        Run(s_mutations, configurations, bytes =>
        {
            HuggingFaceConfig config = HuggingFaceConfig.Read(ModelJson.Parse(bytes, "config.json", 0), "config.json");
            HuggingFaceMetadata.Add(new GgufMetadata("m.gguf"), config, config.Architecture.AsGguf());
            _ = config.Rope.Tensors(config.HeadWidth).ToArray();
        }, "config.json");
    }

    /// <summary>Against the weights beside it, which are a tiny model's.</summary>
    [Fact]
    public void Open_RaisesOnlyClearErrors_WhenAModelsConfigurationIsMutated()
    {
        string model = TinyModel.Write(_folder.Combine("model")), path = Path.Combine(model, "config.json");
        string original = File.ReadAllText(path);

        Run(s_mutations / 10, [original], bytes =>
        {
            File.WriteAllBytes(path, bytes);
            DirectoryModel.Open(model).Dispose();
        }, model);
    }

    private static void Run(int mutations, string[] originals, Action<byte[]> read, string place)
    {
        var random = new Random(20_261_201);
        int accepted = 0, refused = 0;
        for (int i = 0; i < mutations; i++)
        {
            byte[] bytes = i % 2 == 0 ? ChangeValues(originals[i / 2 % originals.Length], random)
                : ChangeBytes(originals[i / 2 % originals.Length], random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(bytes);
                accepted++;
            }
            catch (Exception e) when (e is ModelFormatException or UnsupportedException)
            {
                Assert.Contains(place, e.Message, StringComparison.Ordinal);
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i}: {e}\n{Encoding.UTF8.GetString(bytes)}");
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxBytes + (64 * bytes.Length), $"mutation {i}: {allocated} bytes\n{Encoding.UTF8.GetString(bytes)}");
        }

        Assert.True(refused > mutations / 10, $"{refused} were refused");
        Assert.True(accepted > mutations / 100, $"{accepted} were accepted");
    }

    /// <summary>Some values become others, that may be of another kind.</summary>
    private static byte[] ChangeValues(string original, Random random)
    {
        JsonObject json = JsonNode.Parse(original)!.AsObject(); // a public configuration
        for (int changes = random.Next(1, 3); changes > 0; changes--)
        {
            JsonObject[] places = [json, .. json.Select(entry => entry.Value).OfType<JsonObject>()];
            JsonObject place = places[random.Next(3) == 0 ? random.Next(places.Length) : 0];
            if (place.Count == 0) continue;
            string key = place.ElementAt(random.Next(place.Count)).Key;
            place[key] = JsonNode.Parse(s_values[random.Next(s_values.Length)]);
        }

        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    private static byte[] ChangeBytes(string original, Random random)
    {
        List<byte> bytes = [.. Encoding.UTF8.GetBytes(original)];
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 24), bytes.Count - at));
                    break;
                case 2:
                    bytes.Insert(at, (byte)"0123456789-.eE\"{}[],:"[random.Next(21)]);
                    break;
                default:
                    bytes[at] = (byte)"0123456789-.eE\"{}[],:"[random.Next(21)];
                    break;
            }

            if (bytes.Count == 0) bytes.Add((byte)'{');
        }

        return [.. bytes];
    }
}
