using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests.Native;

[Collection(LlamaCollection.Name)]
public sealed class LlamaInstallationTests(LlamaFixture fixture)
{
    [Fact]
    public void LoadFault_GivesTheSystemsWords()
    {
        using var directory = new TemporaryDirectory();
        string broken = directory.Write("libbroken.so", [1, 2, 3]);

        Assert.Contains("too short", LlamaLibrary.LoadFault(broken), StringComparison.Ordinal);
        Assert.Contains("cannot open shared object", LlamaLibrary.LoadFault(directory.Combine("libnone.so")), StringComparison.Ordinal);
        Assert.DoesNotContain("\n", LlamaLibrary.LoadFault(broken), StringComparison.Ordinal);
        Assert.Null(LlamaLibrary.LoadFault(typeof(object).Assembly.Location.Replace("System.Private.CoreLib.dll", "libclrjit.so",
            StringComparison.Ordinal)));
    }

    [NpmFact(NpmPackage.LlamaCpp)]
    public void Locate_FindsThePinnedPackage()
    {
        LlamaInstallation found = LlamaInstallation.Locate(new EngineEnvironment { Log = _ => { }, Root = ReferenceGguf.Root });

        Assert.Equal("v0.5.0", found.Release);
        Assert.Contains(Path.Combine("natives", "cpu", "node_modules"), found.Llama, StringComparison.Ordinal);
    }

    [Fact]
    public void Locate_SaysHowToInstall_WhenThePackageIsMissing()
    {
        EngineException e =
            Assert.Throws<EngineException>(() =>
                LlamaInstallation.Locate(new EngineEnvironment { Log = _ => { }, Root = fixture.Scratch }, fixture.Scratch));

        Assert.Contains("missing", e.Message, StringComparison.Ordinal);
        Assert.Contains("./run-bench.sh setup", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Locate_FallsBackOnTheBuildBesideTheProgram_WhenThePackageIsMissing()
    {
        LlamaInstallation found = LlamaInstallation.Locate(new EngineEnvironment { Log = _ => { }, Root = fixture.Scratch });

        Assert.Null(found.Release); // told by ggml_commit() when it is loaded
        Assert.StartsWith("LLamaSharp.Backend.Cpu", found.Package, StringComparison.Ordinal);
        Assert.True(File.Exists(found.GgmlBase));
    }

    [Fact]
    public void Unloadable_NamesThePackage_WhenOpenMpIsMissing()
    {
        EngineException e = LlamaInstallation.Unloadable("/x/libggml-cpu.so", new DllNotFoundException(
            "Unable to load shared library '/x/libggml-cpu.so' or one of its dependencies. Consider setting LD_DEBUG: \n"
                + "libgomp.so.1: cannot open shared object file: No such file or directory\n"));

        Assert.Equal("llama.cpp: libgomp.so.1, GCC's OpenMP runtime, is missing; /x/libggml-cpu.so needs it.", e.Message);
        Assert.Contains("libgomp1", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Locate_Throws_WhenTheNamedDirectoryHoldsNoLibraries()
    {
        EngineException none = Assert.Throws<EngineException>(() => Locate(fixture.ScratchFile("nowhere")));
        string empty = Directory.CreateDirectory(fixture.ScratchFile("empty")).FullName;
        EngineException nothing = Assert.Throws<EngineException>(() => Locate(empty));

        Assert.Contains("no directory", none.Message, StringComparison.Ordinal);
        Assert.Contains("llama", nothing.Message, StringComparison.Ordinal);
        Assert.Contains("QUANTBENCH_LLAMACPP_DIR", nothing.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"buildOptions":{"llamaCpp":{"release":"v0.4.0"}}}""", "v0.4.0")]
    [InlineData("""{"buildOptions":{}}""", "can't be read")]
    [InlineData("not json", "can't be read")]
    public void Locate_NamesBothReleases_WhenTheBuildIsAnother(string metadata, string expected)
    {
        string directory = FakeBuild("libllama.so", "libggml.so", "libggml-base.so");
        File.WriteAllText(Path.Combine(directory, "_nlcBuildMetadata.json"), metadata);

        EngineException e = Assert.Throws<EngineException>(() => Locate(directory));

        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains("v0.5.0", e.Message, StringComparison.Ordinal);
        Assert.Contains("--llamacpp-dir", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Locate_ReadsTheReleaseFromTheFileName_WhenThereIsNoMetadata()
    {
        string directory = FakeBuild("libllama.v0.4.0.so", "libggml.v0.4.0.so", "libggml-base.so");

        Assert.Contains("v0.4.0", Assert.Throws<EngineException>(() => Locate(directory)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v0.5.0")]
    [InlineData("vulkan.v0.5.0")]
    [InlineData("cuda.v0.5.0")]
    public void Locate_TakesThePackagesNames(string name)
    {
        string directory =
            FakeBuild($"libllama.{name}.so", $"libggml.{name}.so", "libggml-base.so", "libggml-cpu-x64.so", "libllama-common.so");

        LlamaInstallation found = Locate(directory);

        Assert.Equal("v0.5.0", found.Release);
        Assert.Equal(Path.Combine(directory, $"libllama.{name}.so"), found.Llama);
        Assert.Equal(Path.Combine(directory, $"libggml.{name}.so"), found.Ggml);
    }

    [Fact]
    public void Locate_TakesABuildOfTheUsersOwn_WhenItLiesInBin()
    {
        string directory =
            FakeBuild(Path.Combine("build", "bin", "libllama.so"), Path.Combine("build", "bin", "libggml.so"),
                Path.Combine("build", "bin", "libggml-base.so"));

        LlamaInstallation found = Locate(directory);

        Assert.Equal(Path.Combine(directory, "build", "bin"), found.Directory);
        Assert.Null(found.Release); // told by llama_version() when it is loaded
    }

    [Fact]
    public void Load_Refuses_WhenAnotherBuildIsLoadedAlready()
    {
        LlamaInstallation other = LlamaInstallation.Locate(fixture.Environment) with { Directory = fixture.Scratch };

        EngineException e = Assert.Throws<EngineException>(() => LlamaLibrary.Load(other));

        Assert.Contains("already loaded", e.Message, StringComparison.Ordinal);
    }

    private LlamaInstallation Locate(string directory) => LlamaInstallation.Locate(new EngineEnvironment
    {
        Log = _ => { },
        Root = fixture.Scratch,
        NativeDirectories = ImmutableSortedDictionary<string, string>.Empty.Add("llamacpp", directory),
    });

    private string FakeBuild(params string[] files)
    {
        string directory = Directory.CreateDirectory(fixture.ScratchFile(Guid.NewGuid().ToString("N"))).FullName;
        foreach (string file in files)
        {
            string path = Path.Combine(directory, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!); // every path here has one
            File.WriteAllText(path, "");
        }

        return directory;
    }
}
