using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuantBench.Engines.LlamaCpp.Native;

namespace QuantBench.Engines.LlamaCpp.Tests.Native;

/// <summary>Sizes and offsets as a C compiler lays out v0.5.0's headers (sizeof and offsetof printed by gcc 12 on x86-64).</summary>
[Collection(LlamaCollection.Name)]
public sealed class LayoutCheckTests(LlamaFixture fixture)
{
    [Fact]
    public void Sizes_AreTheHeaders()
    {
        Assert.Equal(80, Unsafe.SizeOf<llama_model_params>());
        Assert.Equal(160, Unsafe.SizeOf<llama_context_params>());
        Assert.Equal(64, Unsafe.SizeOf<llama_model_quantize_params>());
        Assert.Equal(56, Unsafe.SizeOf<llama_batch>());
        Assert.Equal(264, Unsafe.SizeOf<llama_model_kv_override>());
        Assert.Equal(24, Unsafe.SizeOf<llama_model_imatrix_data>());
        Assert.Equal(336, Unsafe.SizeOf<ggml_tensor>());
        Assert.Equal(528, Unsafe.SizeOf<ggml_threadpool_params>());
        Assert.Equal(16, Unsafe.SizeOf<gguf_init_params>());
        Assert.Equal(24, Unsafe.SizeOf<ggml_init_params>());
    }

    [Theory]
    [InlineData(typeof(llama_model_params), "n_gpu_layers", 16)]
    [InlineData(typeof(llama_model_params), "load_mode", 24)]
    [InlineData(typeof(llama_model_params), "main_gpu", 32)]
    [InlineData(typeof(llama_model_params), "progress_callback", 48)]
    [InlineData(typeof(llama_model_params), "kv_overrides", 64)]
    [InlineData(typeof(llama_model_params), "vocab_only", 72)]
    [InlineData(typeof(llama_model_params), "load_mtp", 77)]
    [InlineData(typeof(llama_context_params), "n_threads", 28)]
    [InlineData(typeof(llama_context_params), "flash_attn_type", 52)]
    [InlineData(typeof(llama_context_params), "defrag_thold", 84)]
    [InlineData(typeof(llama_context_params), "cb_eval", 88)]
    [InlineData(typeof(llama_context_params), "type_k", 104)]
    [InlineData(typeof(llama_context_params), "abort_callback", 112)]
    [InlineData(typeof(llama_context_params), "embeddings", 128)]
    [InlineData(typeof(llama_context_params), "kv_unified", 133)]
    [InlineData(typeof(llama_context_params), "samplers", 136)]
    [InlineData(typeof(llama_context_params), "ctx_other", 152)]
    [InlineData(typeof(llama_model_quantize_params), "allow_requantize", 16)]
    [InlineData(typeof(llama_model_quantize_params), "dry_run", 21)]
    [InlineData(typeof(llama_model_quantize_params), "imatrix", 24)]
    [InlineData(typeof(llama_model_quantize_params), "max_buf_size", 56)]
    [InlineData(typeof(llama_batch), "token", 8)]
    [InlineData(typeof(llama_batch), "logits", 48)]
    [InlineData(typeof(llama_model_kv_override), "key", 4)]
    [InlineData(typeof(llama_model_kv_override), "val_i64", 136)]
    [InlineData(typeof(ggml_tensor), "buffer", 8)]
    [InlineData(typeof(ggml_tensor), "ne", 16)]
    [InlineData(typeof(ggml_tensor), "nb", 48)]
    [InlineData(typeof(ggml_tensor), "op", 80)]
    [InlineData(typeof(ggml_tensor), "src0", 152)]
    [InlineData(typeof(ggml_tensor), "data", 248)]
    [InlineData(typeof(ggml_tensor), "name", 256)]
    [InlineData(typeof(ggml_threadpool_params), "n_threads", 512)]
    [InlineData(typeof(ggml_threadpool_params), "poll", 520)]
    [InlineData(typeof(ggml_threadpool_params), "paused", 525)]
    public void Offsets_AreTheHeaders(Type type, string field, int offset) => Assert.Equal(offset, (int)Marshal.OffsetOf(type, field));

    [Fact]
    public void FirstMismatch_IsNone_OnTheBuildUnderTest()
    {
        Assert.Contains($"llama.cpp {fixture.Version}", fixture.Library.Build, StringComparison.Ordinal);
        Assert.Null(LayoutCheck.FirstMismatch());
    }

    [Fact]
    public void FirstMissing_NamesAFunctionThatABuildLacks()
    {
        nint other = NativeLibrary.GetMainProgramHandle();

        Assert.StartsWith("llama_",
            SymbolCheck.FirstMissing(new Dictionary<string, nint> { [NativeMethods.Llama] = other }), StringComparison.Ordinal);
        Assert.StartsWith("gg", SymbolCheck.FirstMissing(new Dictionary<string, nint> { [NativeMethods.GgmlBase] = other }),
            StringComparison.Ordinal);
    }

    // Every byte of the earlier layout keeps its value on the way there and back, and lands in the field of its name (offsets of 815a2a5's
    // headers: main_gpu 28, tensor_split 32, vocab_only 64; n_threads 24, defrag_thold 80, cb_eval 88).
    [Fact]
    public void NativeParameters_CarryEveryByteOfTheEarlierLayout()
    {
        llama_model_params model = Numbered<llama_model_params>();
        llama_context_params context = Numbered<llama_context_params>();
        NativeParameters.Widen(ref model);
        NativeParameters.Widen(ref context);

        Assert.Equal(0x1F1E1D1C, model.main_gpu);
        Assert.Equal(0x2726252423222120, model.tensor_split);
        Assert.Equal(64, model.vocab_only);
        Assert.Equal(0x1B1A1918, context.n_threads);
        Assert.Equal(BitConverter.UInt32BitsToSingle(0x53525150), context.defrag_thold);
        Assert.Equal(0x5F5E5D5C5B5A5958, context.cb_eval);

        NativeParameters.Narrow(ref model);
        NativeParameters.Narrow(ref context);

        Assert.Equal(Bytes(Numbered<llama_model_params>())[..70], Bytes(model)[..70]);
        Assert.Equal(Bytes(Numbered<llama_context_params>())[..84], Bytes(context)[..84]);
        Assert.Equal(Bytes(Numbered<llama_context_params>())[88..], Bytes(context)[88..]);
    }

    [Fact]
    public void Fits_IsFalse_WhenAFieldWasInsertedBeforeTheLast()
    {
        // A release with one more int in the middle: everything behind it arrives four bytes late.
        Assert.False(LayoutCheck.Fits(Shifted(NativeParameters.Model(), at: 20)));
        Assert.False(LayoutCheck.Fits(Shifted(NativeParameters.Context(), at: 16)));
        Assert.False(LayoutCheck.Fits(Shifted(NativeParameters.Quantize(), at: 8)));
    }

    private static T Numbered<T>()
        where T : unmanaged
    {
        T value = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)i;
        return value;
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref value)).ToArray();

    private static T Shifted<T>(T value, int at)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        bytes[at..^4].ToArray().CopyTo(bytes[(at + 4)..]);
        bytes.Slice(at, 4).Clear();
        return value;
    }
}
