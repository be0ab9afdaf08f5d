#!/bin/sh
# ggml 0.25.1 (llama.cpp v0.5.0, as @node-llama-cpp/linux-x64 3.22.1 ships it): ggml_quantize_chunk takes an importance matrix for every
# type, and for seven of them no byte of the result depends on it: Q1_0, Q2_0, Q8_0, TQ1_0, TQ2_0, MXFP4, NVFP4. A file "with imatrix" of
# these is the plain file under another name.
# And of Q2_0's four codes (-d, 0, d, 2d) the quantizer writes three: d is the largest magnitude of the block, so 2d is never nearest;
# 2.25 bits per weight hold what TQ2_0 holds in 2.06.
# Source: https://www.npmjs.com/package/@node-llama-cpp/linux-x64/v/3.22.1. Needs linux-x64, npm and the .NET 10 SDK. Fails when the
# behaviour changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm install --silent --no-save --ignore-scripts --force @node-llama-cpp/linux-x64@3.22.1 >/dev/null
GGML_BASE=$(find "$dir/node_modules" -name 'libggml-base.so*' | head -n 1); export GGML_BASE
cat >finding.cs <<'CS'
#:property AllowUnsafeBlocks=true
#:property PublishAot=false
using System.Runtime.InteropServices;

unsafe
{
    nint library = NativeLibrary.Load(Environment.GetEnvironmentVariable("GGML_BASE")!);
    var quantize = (delegate* unmanaged<int, float*, byte*, long, long, long, float*, nuint>)NativeLibrary.GetExport(library, "ggml_quantize_chunk");
    const int rows = 4, columns = 1024;
    var random = new Random(1);
    float[] weights = [.. Enumerable.Range(0, rows * columns).Select(_ =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    float[] matrix = [.. Enumerable.Range(0, columns).Select(_ => (float)Math.Exp(6 * random.NextDouble()))];

    byte[] Quantize(int type, bool weighted)
    {
        byte[] result = new byte[rows * columns * 4];
        fixed (float* w = weights, m = matrix)
        fixed (byte* r = result)
        {
            return result[..(int)quantize(type, w, r, 0, rows, columns, weighted ? m : null)];
        }
    }

    (string Name, int Type)[] types =
    [
        ("Q4_0", 2), ("Q4_1", 3), ("Q5_0", 6), ("Q5_1", 7), ("Q8_0", 8), ("Q2_K", 10), ("Q3_K", 11), ("Q4_K", 12), ("Q5_K", 13),
        ("Q6_K", 14), ("IQ4_NL", 20), ("IQ4_XS", 23), ("TQ1_0", 34), ("TQ2_0", 35), ("MXFP4", 39), ("NVFP4", 40), ("Q1_0", 41), ("Q2_0", 42),
    ];
    Console.WriteLine("no effect: " + string.Join(' ', types.Where(t => Quantize(t.Type, true).AsSpan().SequenceEqual(Quantize(t.Type, false))).Select(t => t.Name)));

    byte[] blocks = Quantize(42, false);
    int size = blocks.Length / (rows * columns / 64);
    var codes = new SortedSet<int>();
    for (int i = 0; i < blocks.Length; i++)
    {
        if (i % size >= size - 16)
        {
            for (int shift = 0; shift < 8; shift += 2) { codes.Add((blocks[i] >> shift) & 3); }
        }
    }
    Console.WriteLine("Q2_0 codes: " + string.Join(' ', codes));
}
CS
seen=$(dotnet run finding.cs)
expected='no effect: Q8_0 TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0 Q2_0
Q2_0 codes: 0 1 2'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
