using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Tests.Sessions;

/// <content>What holds for our own binding alone; the rest holds for LLamaSharp's too and is run there as well.</content>
public sealed partial class LlamaSessionTests
{
    [Fact]
    public void Append_AllocatesNothing_WhenWarm()
    {
        using var source = new CancellationTokenSource();
        using IInferenceSession session = fixture.Session(256);
        var batch = new TokenBatch();
        float sum = 0;
        for (int i = 0; i < 20; i++) sum += Step(i);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 20; i < 120; i++) sum += Step(i);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.True(float.IsFinite(sum));

        float Step(int i)
        {
            batch.Clear();
            batch.Add(fixture.Tokens[i], 0, logitsWanted: true);
            session.Append(batch, source.Token);
            return session.Logits(0)[0];
        }
    }

    [Fact]
    public void Append_StopsMidway_WhenTheAbortFlagIsSet()
    {
        var model = (LlamaModel)fixture.Model;
        var options = new SessionOptions { ContextLength = 1024, Threads = 2 };
        llama_context_params parameters = SessionParameters.Create(model, options);
        var flag = new CancellationFlag();
        using LlamaSession session = CreateWithFlag(model, options, parameters, flag);
        flag.Set();

        EngineException e =
            Assert.Throws<EngineException>(() => session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 1024)), CancellationToken.None));

        Assert.Contains("stopped the computation", e.Message, StringComparison.Ordinal);
        Assert.Throws<EngineException>(session.Reset); // the cache holds part of a batch
    }

    private static unsafe LlamaSession CreateWithFlag(LlamaModel model, SessionOptions options, llama_context_params parameters,
        CancellationFlag flag)
    {
        parameters.abort_callback = CancellationFlag.Callback;
        parameters.abort_callback_data = flag.Address;
        return LlamaSession.Create(model, options, parameters, flag);
    }
}
