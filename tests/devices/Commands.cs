using System.Globalization;
using ILGPU.Runtime;
using QuantBench.Core.Errors;
using QuantBench.Core.Statistics;
using QuantBench.Engines.Ilgpu.Devices;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;

namespace QuantBench.DeviceCheck;

/// <summary>What the command line can do.</summary>
internal static class Commands
{
    private const string Usage = """
        devicecheck list                            devices, usable or not
        devicecheck check [DEVICE ...]              every kernel against its reference; without a device, on all that are here
        devicecheck bench DEVICE [--cold BYTES] [--seconds S] [--types A,B] [--shapes 4096x4096,...] [--tokens 1,512]
                                                    times of products by device events, against the device's copy bandwidth

        devicecheck algorithms KIND [--seconds S]   ILGPU.Algorithms beside the engine's own kernels; KIND: OpenCL or Cuda
        devicecheck ptx DIR [--capability 8.0]      the code that CUDA devices of that compute capability would get, a file per kernel

        devicecheck check opencl:0
        devicecheck bench cuda:0 --types Q4_0,Q8_0,Q4_K,F16 --shapes 4096x4096,4096x14336
        """;

    /// <summary>Runs a command.</summary>
    /// <returns>0 when all went well, 1 when a check failed, 2 when the command can't be understood.</returns>
    public static int Run(string[] args)
    {
        switch (args.FirstOrDefault())
        {
            case "list":
                return List();
            case "check":
                return Check(args[1..]);
            case "bench" when args.Length > 1:
                return Bench(args[1], Options(args[2..]));
            case "algorithms" when args.Length > 1:
                return Algorithms(args[1], Options(args[2..]));
            case "ptx" when args.Length > 1:
                return Ptx(args[1], Options(args[2..]));
            default:
                Console.Error.WriteLine(Usage);
                return args is ["--help"] or ["help"] ? 0 : 2;
        }
    }

    /// <summary>Devices that kernels can run on.</summary>
    public static string[] Usable()
    {
        using var list = new DeviceList();
        return [.. list.All.Where(device => device.Support.IsSupported).Select(device => device.Id)];
    }

    private static int List()
    {
        using var list = new DeviceList();
        foreach (EngineDevice device in list.All)
            Console.WriteLine(
                $"{(device.Support.IsSupported ? "yes" : "no "),-4}{device.Id,-10} {device.Support.Reason ?? device.Description}");
        return 0;
    }

    private static int Check(string[] ids)
    {
        int failed = 0;
        foreach (string id in ids.Length > 0 ? ids : Usable())
        {
            RequireUsable(id);
            using var device = new TestDevice(id);
            foreach ((string name, Func<TestDevice, long> check) in Checks.All)
            {
                try
                {
                    Console.WriteLine($"ok     {id,-10} {name,-10} {check(device),9:N0} results");
                }
                catch (CheckFailedException e)
                {
                    failed++;
                    Console.WriteLine($"FAILED {id,-10} {name,-10} {e.Message}");
                }
            }
        }

        Console.WriteLine(failed == 0 ? "all checks passed" : $"{failed} checks failed");
        return failed == 0 ? 0 : 1;
    }

    private static int Bench(string id, Dictionary<string, string> options)
    {
        string Option(string name, string otherwise) => options.GetValueOrDefault(name, otherwise);
        RequireUsable(id);
        using var device = new TestDevice(id, profiling: true);

        // Four times the largest cache of today's GPUs, unless told otherwise.
        var bench = new DeviceBench(device, long.Parse(Option("cold", "268435456"), CultureInfo.InvariantCulture),
            double.Parse(Option("seconds", "0.5"), CultureInfo.InvariantCulture));
        double[] copies = bench.CopyBandwidth();
        double copy = Descriptive.Median(copies);
        Console.WriteLine($"{id}: {device.Memory.Accelerator.Name.Trim()}; copy {copy / 1e9:0.0} GB/s (median of {copies.Length})");
        Console.WriteLine($"{"type",-8}{"shape",-14}{"tokens",7}{"median",12}{"GB/s",9}{"of copy",9}{"GFLOP/s",10}{"n",5}");
        IEnumerable<string> known = DeviceFormats.All.Keys.Select(type => type.ToString()).Order(StringComparer.Ordinal);
        string[] types = Option("types", string.Join(',', known)).Split(',');
        foreach (string name in types)
        {
            if (!Enum.TryParse(name, out GgmlType type) || !DeviceFormats.All.ContainsKey(type))
                throw new RequestException($"there is no format '{name}'.",
                    $"Known: {string.Join(", ", known)}.");
            foreach (string shape in Option("shapes", "4096x4096,4096x14336").Split(','))
            {
                if (shape.Split('x') is not [string r, string c] || !int.TryParse(r, out int rows) || !int.TryParse(c, out int columns)
                    || rows < 1 || columns < 1 || columns % 256 != 0)
                {
                    throw new RequestException($"'{shape}' is no shape.",
                        "Write rows x columns, e.g. 4096x14336; columns are a multiple of 256.");
                }

                foreach (string count in Option("tokens", "1").Split(','))
                {
                    int tokens = int.Parse(count, CultureInfo.InvariantCulture);
                    double[] samples = bench.Product(type, rows, columns, tokens);
                    double median = Descriptive.Median(samples);
                    double bytes = (GgmlTypes.ByteSize(type, columns) * rows) + (4.0 * tokens * ((long)rows + columns));
                    string share = tokens == 1 ? $"{bytes / median / copy:P0}" : "-";
                    Console.WriteLine(
                        $"{name,-8}{shape,-14}{tokens,7}{median * 1e6,9:0.0} "
                            + $"us{bytes / median / 1e9,9:0.0}{share,9}"
                            + $"{2.0 * rows * columns * tokens / median / 1e9,10:0.0}{samples.Length,5}");
                }
            }
        }

        return 0;
    }

    private static int Algorithms(string kind, Dictionary<string, string> options)
    {
        // Not on the simulation, where every thread is one of the system.
        if (!Enum.TryParse(kind, out AcceleratorType type) || type == AcceleratorType.CPU)
            throw new RequestException($"there is no kind '{kind}'.", "Known: OpenCL, Cuda.");
        using TestDevice device = TestDevice.WithAlgorithms(type);
        AlgorithmBench.Run(device, double.Parse(options.GetValueOrDefault("seconds", "2"), CultureInfo.InvariantCulture));
        return 0;
    }

    private static int Ptx(string directory, Dictionary<string, string> options)
    {
        string capability = options.GetValueOrDefault("capability", "8.0");
        if (capability.Split('.') is not [string first, string second] || !int.TryParse(first, out int major)
            || !int.TryParse(second, out int minor))
        {
            throw new RequestException($"'{capability}' is no compute capability.", "Write e.g. 8.0.");
        }

        Directory.CreateDirectory(directory);
        foreach ((string name, System.Reflection.MethodInfo kernel) in PtxKernels.All)
            File.WriteAllText(Path.Combine(directory, $"{name}.ptx"), PtxKernels.Compile(kernel, major, minor));
        Console.WriteLine($"{PtxKernels.All.Count} kernels written to {directory}");
        return 0;
    }

    private static void RequireUsable(string id)
    {
        using var list = new DeviceList();
        EngineDevice? device = list.All.FirstOrDefault(d => d.Id == id);
        if (device is null)
            throw new RequestException($"there is no device '{id}'.", $"Here are: {string.Join(", ", list.All.Select(d => d.Id))}.");
        if (device.Support.Reason is { } reason) throw new EngineException(reason + ".", "'devicecheck list' lists the devices.");
    }

    private static Dictionary<string, string> Options(string[] args)
    {
        var options = new Dictionary<string, string>();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == args.Length)
                throw new RequestException($"'{args[i]}' is no option with a value.", "See 'devicecheck --help'.");
            options[args[i][2..]] = args[i + 1];
        }

        return options;
    }
}
