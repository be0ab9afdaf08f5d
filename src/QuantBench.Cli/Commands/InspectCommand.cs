using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using QuantBench.Analysis.Formatting;
using QuantBench.Core;
using QuantBench.Models.Inspection;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench models inspect</c>.</summary>
internal static class InspectCommand
{
    public static Command Build(HelpTexts help)
    {
        var model = new Argument<string>("model")
        {
            Description = "GGUF file, ONNX model, or directory of safetensors (any quantization that is read)",
        };
        var format = new Option<string>("--format")
        {
            Description = "text, json, csv",
            HelpName = "FORMAT",
            DefaultValueFactory = _ => "text",
        };
        format.AcceptOnlyFromAmong("text", "json", "csv");
        var inspect = new Command("inspect",
            "Print what a model really holds: types and bits per kind of tensor, and what isn't as it says.") { model, format };
        inspect.SetAction(parsed =>
        {
            ModelInspection inspection = ModelInspector.Inspect(Path.GetFullPath(parsed.GetRequiredValue(model)));
            Write(inspection, parsed.GetRequiredValue(format), parsed.InvocationConfiguration.Output);
        });
        help.Add(inspect, """
            Examples:
              quantbench models inspect ~/models/Qwen3-0.6B-Q4_K_M.gguf
              quantbench models inspect ~/models/Llama-3.1-8B-NVFP4 --format csv
            """);
        return inspect;
    }

    private static void Write(ModelInspection inspection, string format, TextWriter output)
    {
        switch (format)
        {
            case "json":
                output.WriteLine(JsonSerializer.Serialize(inspection, Json.Line));
                break;
            case "csv":
                output.WriteLine("name,type,tensors,weights,bytes,bits_per_weight");
                foreach (TensorGroup g in inspection.Groups)
                {
                    output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"{Quoted(g.Name)},{Quoted(g.Type)},{g.Tensors},{g.Elements},{g.Bytes},{g.BitsPerWeight:F4}"));
                }

                break;
            default:
                WriteText(inspection, output);
                break;
        }
    }

    private static void WriteText(ModelInspection inspection, TextWriter output)
    {
        int name = inspection.Groups.Select(g => g.Name.Length).Append(6).Max();
        int type = inspection.Groups.Select(g => g.Type.Length).Append(4).Max();
        output.WriteLine($"{inspection.Path}");
        output.WriteLine($"says it is {inspection.Claim ?? "nothing in particular"} ({inspection.Format})");
        output.WriteLine();
        output.WriteLine($"{"tensor".PadRight(name)}  {"type".PadRight(type)}  tensors         weights        size  bits/weight");
        foreach (TensorGroup g in inspection.Groups) Line(g.Name, g.Type, g.Tensors, g.Elements, g.Bytes, g.BitsPerWeight);
        Line("all", "", inspection.Groups.Sum(g => g.Tensors), inspection.Elements, inspection.Bytes, inspection.BitsPerWeight);
        output.WriteLine();
        if (inspection.LayerBits is { } bits)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the layers' matrices have {bits:F2} bits per weight"));
        foreach (string deviation in inspection.Deviations) output.WriteLine($"deviates: {deviation}");
        if (inspection.Deviations.IsEmpty && inspection.Claim is not null) output.WriteLine($"nothing deviates from {inspection.Claim}");

        void Line(string what, string kind, int tensors, long elements, long bytes, double perWeight) => output.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{what.PadRight(name)}  {kind.PadRight(type)}  {tensors,7}  {elements,14:N0}  {Format.Bytes(bytes),10}  "
                    + $"{perWeight,11:F2}"));
    }

    private static string Quoted(string text) => text.Contains(',', StringComparison.Ordinal) ? $"\"{text}\"" : text;
}
