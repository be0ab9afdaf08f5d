using Microsoft.ML.OnnxRuntimeGenAI;
using QuantBench.Core.Variants;
using QuantBench.Engines.OnnxRuntime;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;

// QuantBench.Genai SOURCE EXPORT: greedy tokens after some beginnings, by ONNX Runtime GenAI and by the engine, on one exported model.
const int wanted = 64;
string[] beginnings = ["The ", "Fellow citizens", "In the last year", "We ", "Peace"];
ITextTokenizer text = ModelSource.OpenTokenizer(ModelSource.Open(args[0]));
using IEngine engine = OnnxRuntimeEngine.Registration.Create(new EngineEnvironment { Log = _ => { }, Root = "" });
var artifact = new Artifact(args[1], Variant.Parse("onnx:fp16"), "", 1, 1, 1);
using ILoadedModel ours = ((ILogitsEngine)engine).Load(artifact, "cpu", new LoadOptions { Threads = 1 }, CancellationToken.None);
using var handle = new OgaHandle();
using var theirs = new Model(args[1]);
int equal = 0, different = 0;
foreach (string beginning in beginnings)
{
    int[] prompt = [.. text.BosToken is { } bos ? (int[])[bos] : [], .. text.Encode(beginning)];
    using var parameters = new GeneratorParams(theirs);
    parameters.SetSearchOption("max_length", prompt.Length + wanted);
    parameters.SetSearchOption("do_sample", false);
    using var generator = new Generator(theirs, parameters);
    generator.AppendTokens(prompt);
    using IInferenceSession session = ours.CreateSession(new SessionOptions { ContextLength = prompt.Length + wanted, Threads = 1 });
    int[] next = prompt;
    for (int i = 0; i < wanted && !generator.IsDone(); i++)
    {
        generator.GenerateNextToken();
        int their = generator.GetSequence(0)[^1];
        var batch = new TokenBatch();
        for (int t = 0; t < next.Length; t++) batch.Add(next[t], 0, t == next.Length - 1);
        session.Append(batch, CancellationToken.None);
        ReadOnlySpan<float> logits = session.Logits(0);
        int our = 0;
        for (int t = 1; t < logits.Length; t++)
            if (logits[t] > logits[our]) our = t;
        if (our == their) equal++;
        else different++;
        next = [their];
    }
}

Console.WriteLine($"genai: {equal} of {equal + different} greedy tokens equal");
return different == 0 && equal >= wanted ? 0 : 1;
