using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBench.Formats.Tests.Blocks;

/// <summary>Memory with an unreadable page behind it: reading one byte too far ends the process.</summary>
internal sealed class GuardedMemory : IDisposable
{
    private const int Page = 1 << 16; // at least the system's page size everywhere
    private const int Readable = 4 * Page;
    private const int None = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly nint _start = Mmap(0, Readable + Page, ReadWrite, PrivateAnonymous, -1, 0);

    public GuardedMemory()
    {
        if (_start == -1 || Mprotect(_start + Readable, Page, None) != 0)
            throw new InvalidOperationException("no guarded memory could be had");
    }

    /// <summary>The last readable bytes.</summary>
    public Span<byte> Last(int length) => MemoryMarshal.CreateSpan(ref At(_start + Readable - length), length);

    public void Dispose() => _ = Munmap(_start, Readable + Page);

    private static ref byte At(nint address) => ref Unsafe.AddByteOffset(ref Unsafe.NullRef<byte>(), address);

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern nint Mmap(nint address, nint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Mprotect(nint address, nint length, int protection);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Munmap(nint address, nint length);
}
