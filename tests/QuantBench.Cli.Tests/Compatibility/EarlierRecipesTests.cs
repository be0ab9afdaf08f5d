using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Evaluators;
using QuantBench.Models.Sources;
using QuantBench.Runner.Registry;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Compatibility;

/// <summary>Artifacts that an earlier build has made are found again: recipes and keys are the same.</summary>
public sealed class EarlierRecipesTests
{
    private const string Model = "reference-model";

    private static readonly ImmutableArray<EarlierRecipe> s_earlier =
    [
        .. File.ReadLines(EarlierResults.Golden("recipes.jsonl"))
            .Select(l => JsonSerializer.Deserialize<EarlierRecipe>(l, Json.Line)!), // a line is an object
    ];

    [Fact]
    public void Keys_AreTheEarlierBuilds()
    {
        Assert.Equal(76, s_earlier.Length);
        Assert.All(s_earlier, e => Assert.Equal(e.Key, ModelRegistry.Key(e.SourceSha256, e.ArtifactName, e.Recipe, e.Inputs)));
    }

    [Fact]
    public async Task Recipes_OfTheReferenceModel_AreTheEarlierBuilds()
    {
        ModelSource source = ModelSource.Open(RepositoryRoot.Combine("datasets", Model));
        EarlierRecipe[] expected = [.. s_earlier.Where(e => e.From == Model)];
        Assert.All(expected, e => Assert.Equal(e.SourceSha256, source.Sha256));
        ImmutableSortedDictionary<string, string> imatrix = expected.Single(e => e.ArtifactName == "imatrix").Recipe.Parameters;
        var job = new WorkerJob
        {
            Kind = WorkerJobKind.Plan,
            Root = RepositoryRoot.Directory,
            Build = new WorkerBuild
            {
                ArtifactNames = [.. expected.Select(e => e.ArtifactName)],
                SourceKind = source.Kind,
                SourcePath = source.Path,
                SourceFiles = [.. source.Files],
                SourceSha256 = source.Sha256,
                Calibration = new CalibrationText("", imatrix["text_sha256"], 64, 512),
            },
        };

        WorkerOutcome outcome = await new WorkerProcess(
            new WorkerCommand("dotnet", [Path.Combine(AppContext.BaseDirectory, "quantbench.dll"), "worker"]), TimeProvider.System)
            .RunAsync(job, new WorkerLimits(TimeSpan.FromMinutes(2)), null, new Progress<EvaluationProgress>(), CancellationToken.None);

        Dictionary<string, PlannedArtifact> plans = Assert.IsType<WorkerOutcome.Finished>(outcome).Value.Plans;
        // each can be made here
        Assert.All(expected, e => Assert.Equal(Text(Checked(e.Recipe)), Text(plans[e.ArtifactName].Recipe!.ToRecipe())));
    }

    // Since then every builder refuses weights that are no numbers, and its version counts up for it: what the earlier build made of such
    // weights isn't found again. Nothing else may differ.
    private static ArtifactRecipe Checked(ArtifactRecipe earlier)
    {
        ImmutableSortedDictionary<string, string> parameters = earlier.Parameters;
        if (earlier.Builder == "llamacpp-quantize") parameters = parameters.Add("checked", "1");
        if (parameters.ContainsKey("calibration")) parameters = parameters.Add("text_cut", "BOS first");
        string build = earlier.BuilderBuild.Replace("converter 1", "converter 2", StringComparison.Ordinal)
            .Replace("exporter 1", "exporter 2", StringComparison.Ordinal);
        if (earlier.Builder is "directory-copy" or "onnx-given") build = "2";
        return earlier with { BuilderBuild = build, Parameters = parameters };
    }

    private static string Text(ArtifactRecipe recipe)
    {
        // llama.cpp's build names the instruction sets of the machine that runs it.
        bool native = recipe.BuilderBuild.StartsWith("llama.cpp ", StringComparison.Ordinal);
        return JsonSerializer.Serialize(native ? recipe with { BuilderBuild = "llama.cpp" } : recipe, Json.Pretty);
    }

    private sealed record EarlierRecipe(
        string Key, string ArtifactName, string SourceSha256, ArtifactRecipe Recipe, ImmutableSortedDictionary<string, string> Inputs,
        string From);
}
