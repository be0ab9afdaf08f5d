using QuantBench.DeviceCheck;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Formats.Gguf;

string id = args[0];
using var device = new TestDevice(id);
foreach (string name in args.Length > 1 ? args[1..] : [.. GraphChecks.All.Keys, .. DeviceFormats.All.Keys.Order().Select(t => t.ToString())])
{
    try
    {
        Console.WriteLine(name + " ");
        Console.WriteLine(GraphChecks.All.TryGetValue(name, out var check) ? check(device) : ProductChecks.Run(device, Enum.Parse<GgmlType>(name)));
    }
    catch (CheckFailedException e) { Console.WriteLine(e.Message); }
}
