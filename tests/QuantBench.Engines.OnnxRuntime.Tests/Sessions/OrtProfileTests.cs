using QuantBench.Core.Settings;
using QuantBench.Engines.OnnxRuntime.Sessions;
using QuantBench.Engines.OnnxRuntime.Tests.Export;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Sessions;

[Collection(ExportCollection.Name)]
public sealed class OrtProfileTests(ExportFixture fixture)
{
    [Fact]
    public void Parse_SumsKernelsByOperator_SlowestFirst()
    {
        OrtProfile profile = OrtProfile.Parse(
        [
            "[",
            """{"cat" : "Session","pid" :1,"tid" :1,"dur" :900,"ts" :1,"ph" : "X","name" :"model_run","args" : {}},""",
            """{"cat" : "Node","pid" :1,"tid" :1,"dur" :10,"ts" :2"""
                + ""","ph" : "X","name" :"a_kernel_time","args" : {"op_name" : "Add","provider" : "CPUExecutionProvider"}},""",
            """{"cat" : "Node","pid" :1,"tid" :1,"dur" :30,"ts" :3"""
                + ""","ph" : "X","name" :"m_kernel_time","args" : {"op_name" : "MatMul","provider" : "CPUExecutionProvider"}},""",
            """{"cat" : "Node","pid" :1,"tid" :1,"dur" :15,"ts" :3"""
                + ""","ph" : "X","name" :"m2_kernel_time","args" : {"op_name" : "MatMul","provider" : "CPUExecutionProvider"}},""",
            """{"cat" : "Node","pid" :1,"tid" :1,"dur" :70,"ts" :3,"ph" : "X","name" :"m_fence_before","args" : {"op_name" : "MatMul"}},""",
            """{"cat" : "Node","pid" :1,"tid" :1,"dur" :1""", // the end of a process that died
        ]);

        Assert.Equal(
            [new ProfiledOperator("MatMul", "CPUExecutionProvider", 45, 2), new ProfiledOperator("Add", "CPUExecutionProvider", 10, 1)],
            profile.Operators.AsEnumerable());
        Assert.StartsWith("slowest operators: MatMul 81.8 %", profile.Summary(), StringComparison.Ordinal);
    }

    [Fact]
    public void Model_LeavesItsProfile_AndNamesTheSlowestOperators()
    {
        using var folder = new TemporaryDirectory();
        using ILoadedModel model =
            OnnxModels.Load(fixture.Artifact("onnx:int4-b32"), CellSettings.Empty.With("ort_profile", true), folder.Path);
        using (IInferenceSession session = OnnxModels.Session(model)) OnnxModels.Append(session, fixture.Tokens.AsSpan(0, 64));

        string notes = string.Join('\n', ((IEngineReport)model).Finish());

        Assert.Contains("slowest operators:", notes, StringComparison.Ordinal);
        Assert.Contains("MatMulNBits", notes, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder.Path, OrtSettings.ProfilePrefix + "*.json"));
    }

    [Fact]
    public void ResidentBytes_CountsTheMappingsOfADirectory()
    {
        string[] lines =
        [
            "7f00-7f10 r--s 00000000 00:2f 12     /models/a/model.onnx.data",
            "Size:               2048 kB",
            "Rss:                1024 kB",
            "VmFlags: rd sh mr mw me ms",
            "7f20-7f30 r--s 00000000 00:2f 13     /models/ab/model.onnx.data", // another directory with the same beginning
            "Rss:                 512 kB",
            "7f40-7f50 rw-p 00000000 00:00 0",
            "Rss:                 256 kB",
            "7f60-7f70 r--s 00001000 00:2f 12     /models/a/model.onnx.data",
            "Rss:                   4 kB",
        ];

        Assert.Equal(1028 * 1024, MappedFiles.ResidentBytes(lines, "/models/a"));
    }
}
