using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Formats.Sources;
using QuantBench.Inference.Artifacts;
using QuantBench.Runner.Registry;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Registry;

public sealed class ModelRegistryTests : IDisposable
{
    private static readonly ArtifactRecipe s_recipe = new("quantize", "v1", ["gguf:F32"],
        ImmutableSortedDictionary<string, string>.Empty.Add("ftype", "15"));
    private static readonly ImmutableSortedDictionary<string,
        string> s_inputs = ImmutableSortedDictionary<string, string>.Empty.Add("gguf:F32", "aa");

    private readonly TemporaryDirectory _cache = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 23, 4, 0, 0, TimeSpan.Zero));

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void Key_Changes_WhenAnythingThatDecidesTheBytesChanges()
    {
        string[] keys =
        [
            ModelRegistry.Key("s", "gguf:Q4_K_M", s_recipe, s_inputs),
            ModelRegistry.Key("t", "gguf:Q4_K_M", s_recipe, s_inputs),
            ModelRegistry.Key("s", "gguf:Q4_K_S", s_recipe, s_inputs),
            ModelRegistry.Key("s", "gguf:Q4_K_M", s_recipe with { BuilderBuild = "v2" }, s_inputs),
            ModelRegistry.Key("s", "gguf:Q4_K_M", s_recipe with { Parameters = s_recipe.Parameters.SetItem("ftype", "14") }, s_inputs),
            ModelRegistry.Key("s", "gguf:Q4_K_M", s_recipe, s_inputs.SetItem("gguf:F32", "bb")),
        ];

        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], ModelRegistry.Key("s", "gguf:Q4_K_M", s_recipe with { Inputs = ["gguf:F32"] }, s_inputs));
    }

    [Fact]
    public async Task GetOrBuild_BuildsOnce()
    {
        ModelRegistry registry = Registry();
        int builds = 0;

        RegistryEntry first = await BuildAsync(registry, "hello", () => builds++);
        RegistryEntry second = await BuildAsync(registry, "hello", () => builds++);

        Assert.Equal(1, builds);
        Assert.Equal(first.Sha256, second.Sha256);
        Assert.Equal("hello", await File.ReadAllTextAsync(registry.ArtifactPath(first)));
        Assert.Equal((5, "gguf:Q4_K_M", "s"), (second.Bytes, second.ArtifactName, second.SourceSha256));
    }

    [Fact]
    public async Task GetOrBuild_LeavesNothing_WhenTheBuildFails()
    {
        ModelRegistry registry = Registry();

        await Assert.ThrowsAsync<EngineException>(() => registry.GetOrBuildAsync(
            Key, "gguf:Q4_K_M", (path, _) =>
            {
                File.WriteAllText(path, "half");
                throw new EngineException("refused");
            },
            CancellationToken.None));

        Assert.Null(registry.Find(Key));
        Assert.Empty(registry.List());
        Assert.Empty(registry.Garbage(TimeSpan.FromDays(1), []));
    }

    [Fact]
    public async Task GetOrBuild_RemovesWhatADeadRunnerLeft()
    {
        ModelRegistry registry = Registry();
        string leftover = Path.Combine(_cache.Path, "models", ".building", $"{Key}.999999");
        Directory.CreateDirectory(leftover);
        File.WriteAllText(Path.Combine(leftover, "artifact.gguf"), "half");
        Assert.Single(registry.Garbage(TimeSpan.FromDays(1), []));

        await BuildAsync(registry, "whole");

        Assert.False(Directory.Exists(leftover));
    }

    [Fact]
    public async Task GetOrBuild_BuildsOnce_WhenTwoRunnersWantTheSame()
    {
        var started = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        int builds = 0;
        ModelRegistry one = new(_cache.Path, TimeProvider.System);
        ModelRegistry two = new(_cache.Path, TimeProvider.System);

        Task<RegistryEntry> first = one.GetOrBuildAsync(
            Key, "gguf:Q4_K_M", async (path, stop) =>
            {
                Interlocked.Increment(ref builds);
                await File.WriteAllTextAsync(path, "hello", stop);
                started.SetResult();
                await release.Task;
                return Entry(one, "hello");
            },
            CancellationToken.None);
        await started.Task;
        Task<RegistryEntry> second = BuildAsync(two, "other", () => Interlocked.Increment(ref builds));
        Assert.False(second.IsCompleted);
        release.SetResult();
        RegistryEntry[] both = await Task.WhenAll(first, second);

        Assert.Equal(1, builds);
        Assert.Equal(both[0].Sha256, both[1].Sha256);
    }

    [Fact]
    public async Task Find_IsNull_AndTheNextBuildHeals_WhenTheFileWasCut()
    {
        ModelRegistry registry = Registry();
        RegistryEntry entry = await BuildAsync(registry, "hello");
        File.WriteAllText(registry.ArtifactPath(entry), "hel");

        Assert.Null(registry.Find(entry.Key));
        Assert.Contains("3 bytes", registry.List().Single().Damage, StringComparison.Ordinal);

        await BuildAsync(registry, "hello");

        Assert.NotNull(registry.Find(entry.Key));
        Assert.Null(registry.List().Single().Damage);
    }

    [Fact]
    public async Task Verify_FindsAChangedByte_ThatTheLengthDoesNotShow()
    {
        ModelRegistry registry = Registry();
        RegistryEntry entry = await BuildAsync(registry, "hello");
        File.WriteAllText(registry.ArtifactPath(entry), "hellO");
        Assert.Null(registry.List().Single().Damage);

        IReadOnlyList<RegistryItem> found = registry.Verify(new Progress<RegistryItem>(), CancellationToken.None);

        Assert.Contains("SHA-256", found.Single().Damage, StringComparison.Ordinal);
        GarbageItem garbage = Assert.Single(registry.Garbage(TimeSpan.FromDays(365), found));
        ModelRegistry.Remove([garbage]);
        Assert.Empty(registry.List());
    }

    [Fact]
    public async Task GetOrBuild_TakesADirectory_AndVerifyFindsAChangedOrRenamedFileInIt()
    {
        ModelRegistry registry = Registry();
        ArtifactRecipe recipe = s_recipe with { Builder = "copy", Inputs = [] };
        var inputs = ImmutableSortedDictionary<string, string>.Empty;
        string key = ModelRegistry.Key("s", "safetensors:F16", recipe, inputs);
        RegistryEntry entry = await registry.GetOrBuildAsync(
            key, "safetensors:F16", async (path, stop) =>
            {
                Directory.CreateDirectory(Path.Combine(path, "more"));
                await File.WriteAllTextAsync(Path.Combine(path, "config.json"), "{}", stop);
                await File.WriteAllTextAsync(Path.Combine(path, "more", "weights"), "abc", stop);
                ArtifactContent content = ArtifactContent.Read(path, stop);
                var source = new ModelSource(SourceKind.HuggingFace, "/m", ["/m/config.json"], "s");
                return registry.Entry(key, source, "safetensors:F16", recipe, inputs,
                    new BuiltArtifact(content.Sha256, content.Bytes, 3, 1), 0.5);
            },
            CancellationToken.None);
        string folder = registry.ArtifactPath(entry);

        Assert.Equal(5, entry.Bytes);
        Assert.Equal("abc", await File.ReadAllTextAsync(Path.Combine(folder, "more", "weights")));
        Assert.Null(Assert.Single(registry.Verify(new Progress<RegistryItem>(), CancellationToken.None)).Damage);

        File.Move(Path.Combine(folder, "more", "weights"), Path.Combine(folder, "more", "weightz"));
        Assert.Contains("SHA-256", Assert.Single(registry.Verify(new Progress<RegistryItem>(), CancellationToken.None)).Damage,
            StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(folder, "more", "weightz"), "abcd");
        Assert.Null(registry.Find(key));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"key":"other"}""")]
    public async Task List_ShowsDamage_WhenTheRecipeIsBroken(string recipe)
    {
        ModelRegistry registry = Registry();
        RegistryEntry entry = await BuildAsync(registry, "hello");
        File.WriteAllText(Path.Combine(_cache.Path, "models", entry.Key, "recipe.json"), recipe);

        Assert.NotNull(registry.List().Single().Damage);
        Assert.Null(registry.Find(entry.Key));
    }

    [Fact]
    public async Task Garbage_HoldsWhatNoRunUsedForAWhile()
    {
        ModelRegistry registry = Registry();
        RegistryEntry entry = await BuildAsync(registry, "hello");
        registry.MarkUsed(entry.Key);

        _clock.Advance(TimeSpan.FromDays(29));
        Assert.Empty(registry.Garbage(TimeSpan.FromDays(30), []));
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.Single(registry.Garbage(TimeSpan.FromDays(30), []));
        registry.MarkUsed(entry.Key);
        Assert.Empty(registry.Garbage(TimeSpan.FromDays(30), []));
    }

    [Fact]
    public void TryTake_IsNull_WhileAnotherHoldsTheLock()
    {
        string path = _cache.Combine("x.lock");

        using (FileLock? first = FileLock.TryTake(path))
        {
            Assert.NotNull(first);
            Assert.Null(FileLock.TryTake(path));
        }

        using FileLock? again = FileLock.TryTake(path);
        Assert.NotNull(again);
    }

    private static string Key => ModelRegistry.Key("s", "gguf:Q4_K_M", s_recipe, s_inputs);

    private ModelRegistry Registry() => new(_cache.Path, _clock);

    private static RegistryEntry Entry(ModelRegistry registry, string content)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(content);
        string sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));
        var source = new ModelSource(SourceKind.Gguf, "/m.gguf", ["/m.gguf"], "s");
        return registry.Entry(Key, source, "gguf:Q4_K_M", s_recipe, s_inputs, new BuiltArtifact(sha256, bytes.Length, 4, 1), 0.5);
    }

    private static Task<RegistryEntry> BuildAsync(ModelRegistry registry, string content, Action? onBuild = null) =>
        registry.GetOrBuildAsync(
        Key, "gguf:Q4_K_M", async (path, stop) =>
        {
            onBuild?.Invoke();
            await File.WriteAllTextAsync(path, content, stop);
            return Entry(registry, content);
        },
        CancellationToken.None);
}
