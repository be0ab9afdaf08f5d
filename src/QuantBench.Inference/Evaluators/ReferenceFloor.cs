using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Inference.Evaluators;

/// <summary>What a reference's own arithmetic is worth: its divergence from a run of the same weights by the engine of
/// <paramref name="EngineBuild"/> that rounds once per layer. Kept beside the reference's file.</summary>
/// <param name="Kl">Mean KL, nats; null when it couldn't be measured.</param>
/// <param name="Positions">Positions it is the mean of.</param>
/// <param name="EngineBuild">What ran.</param>
/// <param name="Missing">Why there is none; null when there is.</param>
public sealed record ReferenceFloor(double? Kl, long Positions, string EngineBuild, string? Missing)
{
    /// <summary>What the floor's file is called behind the reference's name.</summary>
    public const string Suffix = ".floor";

    /// <summary>The floor of a reference; null when nobody has looked for it.</summary>
    /// <param name="referencePath">Path of the reference's file.</param>
    public static ReferenceFloor? Of(string referencePath)
    {
        try
        {
            return File.Exists(referencePath + Suffix)
                && JsonSerializer.Deserialize<ReferenceFloor>(File.ReadAllText(referencePath + Suffix), Json.Line) is { } floor
                && (floor.Kl is null || double.IsFinite(floor.Kl.Value)) ? floor : null;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            // It says how sure a figure is; without it the figure stands as it is.
            return null;
        }
    }

    /// <summary>Writes it.</summary>
    /// <param name="referencePath">Path of the reference's file.</param>
    public void Write(string referencePath) => File.WriteAllText(referencePath + Suffix, JsonSerializer.Serialize(this, Json.Line));
}
