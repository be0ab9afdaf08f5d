using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Formats.Numpy;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>An input and where it came from.</summary>
/// <param name="Name">Name of the input.</param>
/// <param name="Value">Its value.</param>
/// <param name="Description">One phrase for the record: name, type, shape, origin.</param>
/// <param name="Note">A mark for the cell; null when there is nothing to say.</param>
internal sealed record TensorInput(string Name, TensorValue Value, string Description, string? Note);

/// <summary>
/// Makes a model's inputs. Random ones depend on the seed, the input's name and its shape only, so that a reference and all variants get
/// the same: floats are normally distributed, whole numbers 0 or 1 (valid as ids, masks and positions), booleans true.
/// </summary>
internal static class TensorInputs
{
    private const long MostElements = 1L << 30;

    /// <summary>Makes all of them.</summary>
    /// <param name="ports">What the model takes.</param>
    /// <param name="settings">Settings <c>inputs</c>, <c>shapes</c> and <c>seed</c>.</param>
    /// <exception cref="QuantBenchException">A file or shape doesn't fit.</exception>
    public static ImmutableArray<TensorInput> Make(ImmutableArray<TensorPort> ports, CellSettings settings)
    {
        string from = settings.Text("inputs");
        Dictionary<string, long> sizes = Sizes(settings.Text("shapes"));
        string[] unknown = [.. sizes.Keys.Where(k => !ports.Any(p => p.Dimensions.Any(d => d.Symbol == k)))];
        if (from == "random" && unknown.Length > 0)
        {
            IEnumerable<string> known = ports.SelectMany(p => p.Dimensions).Where(d => d.Size is null).Select(d => d.Symbol).Distinct();
            throw new RequestException($"shapes: the model has no symbolic dimension '{unknown[0]}'.",
                $"Its symbolic dimensions: {string.Join(", ", known)}.");
        }

        return [.. ports.Select(p => from == "random" ? Random(p, sizes, settings.Int("seed")) : Load(p, from))];
    }

    private static TensorInput Load(TensorPort port, string directory)
    {
        // Names of inputs may hold characters that file names can't.
        string path = Path.Combine(directory, string.Concat(port.Name.Select(c => c is '/' or '\\' or ':' ? '_' : c)) + ".npy");
        if (!File.Exists(path))
            throw new RequestException($"There is no array for the input '{port.Name}': {path} isn't there.",
                "Save it with numpy.save, or set inputs: random.");
        NpyFile array = NpyFile.Read(path);
        return new TensorInput(port.Name, new TensorValue(array.Type, array.Shape, array.Data),
            $"{port.Name} {array.Type}[{string.Join(',', array.Shape)}] from {Path.GetFileName(path)}", null);
    }

    private static TensorInput Random(TensorPort port, Dictionary<string, long> sizes, long seed)
    {
        var assumed = new List<string>();
        var shape = ImmutableArray.CreateBuilder<long>();
        long elements = 1;
        foreach (TensorDimension dimension in port.Dimensions)
        {
            long size = dimension.Size ?? (sizes.TryGetValue(dimension.Symbol, out long given) ? given : 1);
            if (dimension.Size is null && !sizes.ContainsKey(dimension.Symbol))
                assumed.Add(dimension.Symbol.Length > 0 ? dimension.Symbol : "?");
            if (size > 0 && elements > MostElements / size)
                throw new RequestException($"the input '{port.Name}' would have more than {MostElements} elements.",
                    "Give smaller sizes in 'shapes'.");
            elements *= size;
            shape.Add(size);
        }

        byte[] data = Fill(port, (int)elements, new Random(Seed(port.Name, shape, seed)));
        string description = $"{port.Name} {port.Type}[{string.Join(',', shape)}] random";
        return new TensorInput(port.Name, new TensorValue(port.Type, shape.ToImmutable(), data), description,
            assumed.Count == 0 ? null : $"{port.Name}: {string.Join(", ", assumed)} taken as 1");
    }

    private static byte[] Fill(TensorPort port, int count, Random random)
    {
        switch (port.Type)
        {
            case "float32": return Bytes(count, () => (float)Normal(random));
            case "float64": return Bytes(count, () => Normal(random));
            case "float16": return Bytes(count, () => (Half)Normal(random));
            case "int64": return Bytes(count, () => (long)random.Next(2));
            case "int32": return Bytes(count, () => random.Next(2));
            case "int16": return Bytes(count, () => (short)random.Next(2));
            case "int8" or "uint8": return Bytes(count, () => (byte)random.Next(2));
            case "bool": return Bytes(count, () => (byte)1);
            default:
                throw new RequestException($"the input '{port.Name}' is of type {port.Type}, for which no random values are made.",
                "Only tensors of numbers and booleans can be given.");
        }
    }

    private static byte[] Bytes<T>(int count, Func<T> next) where T : unmanaged
    {
        var values = new T[count];
        for (int i = 0; i < count; i++) values[i] = next();
        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    // Box-Muller.
    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static int Seed(string name, IEnumerable<long> shape, long seed)
    {
        // FNV-1a: string hashes of the runtime differ from process to process.
        uint hash = 2166136261;
        foreach (char c in $"{seed}/{name}/{string.Join(',', shape)}") hash = (hash ^ c) * 16777619;
        return (int)hash;
    }

    private static Dictionary<string, long> Sizes(string text)
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (string entry in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] parts = entry.Split('=', StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || parts[0].Length == 0
                || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long size) || size < 0)
            {
                throw new RequestException($"shapes: '{entry}' isn't NAME=SIZE.", "E.g. shapes: batch=1,height=224");
            }

            if (!sizes.TryAdd(parts[0], size)) throw new RequestException($"shapes: '{parts[0]}' is given twice.");
        }

        return sizes;
    }
}
