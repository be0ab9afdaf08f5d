using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBench.Engines.LlamaCpp.Native;

// Layouts of ggml.h and gguf.h as released with llama.cpp v0.5.0.

/// <summary>Tensor types; numbers are frozen by the GGUF format.</summary>
internal enum ggml_type
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    IQ4_NL = 20,
    BF16 = 30,
    COUNT = 43,
}

internal enum ggml_log_level
{
    NONE = 0,
    DEBUG = 1,
    INFO = 2,
    WARN = 3,
    ERROR = 4,
    CONT = 5,
}

internal enum ggml_backend_dev_type
{
    CPU = 0,
    GPU = 1,
    IGPU = 2,
    ACCEL = 3,
    META = 4,
}

/// <summary><c>struct ggml_init_params</c>, 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ggml_init_params
{
    public nuint mem_size;
    public nint mem_buffer;
    public byte no_alloc;
}

/// <summary><c>struct gguf_init_params</c>, 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct gguf_init_params
{
    public byte no_alloc;
    public nint* ctx;
}

/// <summary><c>struct ggml_threadpool_params</c>, 528 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ggml_threadpool_params
{
    public CpuMask cpumask;
    public int n_threads;
    public int prio;
    public uint poll;
    public byte strict_cpu;
    public byte paused;
}

/// <summary><c>bool[GGML_MAX_N_THREADS]</c>.</summary>
[InlineArray(512)]
internal struct CpuMask
{
    private byte _first;
}

/// <summary><c>struct ggml_tensor</c>, 336 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 336)]
internal unsafe struct ggml_tensor
{
    [FieldOffset(0)]
    public ggml_type type;

    [FieldOffset(8)]
    public nint buffer;

    [FieldOffset(16)]
    public fixed long ne[4];

    [FieldOffset(48)]
    public fixed long nb[4];

    [FieldOffset(80)]
    public int op;

    [FieldOffset(152)]
    public ggml_tensor* src0;

    [FieldOffset(160)]
    public ggml_tensor* src1;

    [FieldOffset(168)]
    public ggml_tensor* src2;

    [FieldOffset(248)]
    public byte* data;

    [FieldOffset(256)]
    public fixed byte name[64];
}
