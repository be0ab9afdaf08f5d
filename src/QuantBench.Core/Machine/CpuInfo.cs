using System.Globalization;

namespace QuantBench.Core.Machine;

/// <summary>What /proc/cpuinfo tells.</summary>
/// <param name="Model">CPU model, or null.</param>
/// <param name="PhysicalCores">Distinct (physical id, core id) pairs, or null.</param>
/// <param name="LogicalCores">Processors listed.</param>
internal sealed record CpuInfo(string? Model, int? PhysicalCores, int LogicalCores)
{
    /// <summary>Parses the text of /proc/cpuinfo of x86-64, Arm64, RISC-V or POWER.</summary>
    public static CpuInfo Parse(string text)
    {
        string? model = null;
        string? implementer = null;
        string? part = null;
        string? package = null;
        int logical = 0;
        var cores = new HashSet<(string, string)>();
        foreach (string line in text.Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) continue;
            string value = line[(colon + 1)..].Trim();
            switch (line[..colon].Trim())
            {
                case "processor" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _):
                    logical++;
                    package = null; break;
                case "model name" or "Model" or "cpu model" or "uarch" when value.Length > 0: model ??= value; break;
                case "cpu" when model is null && value.Length > 0: model = value; break;
                case "CPU implementer": implementer ??= value; break;
                case "CPU part": part ??= value; break;
                case "physical id": package = value; break;
                case "core id" when package is not null: cores.Add((package, value)); break;
            }
        }

        // Arm kernels name no model; the implementer and part numbers identify the core design.
        if (model is null && implementer is not null && part is not null) model = $"Arm {implementer}/{part}";
        return new CpuInfo(model, cores.Count > 0 ? cores.Count : null, logical);
    }
}
