#!/bin/sh
# ILGPU.Algorithms 1.5.3: a radix sort by AscendingFloat or AscendingDouble puts negative numbers in reverse order among themselves, and
# by DescendingFloat too. Integers and positive numbers come out sorted. Seen on the CPU accelerator; OpenCL (PoCL) gives the same.
# What follows: a top-k of logits, most of which are negative, can't be taken from it.
# Source: https://www.nuget.org/packages/ILGPU.Algorithms/1.5.3. Needs the .NET 10 SDK. Fails when the behaviour changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >finding.cs <<'CS'
#:package ILGPU@1.5.3
#:package ILGPU.Algorithms@1.5.3
#:property PublishAot=false
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Algorithms.RadixSortOperations;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

using var context = Context.Create(builder => builder.CPU().EnableAlgorithms());
using var device = context.CreateCPUAccelerator(0);

string Sorted<T, TOperation>(params T[] values)
    where T : unmanaged
    where TOperation : struct, IRadixSortOperation<T>
{
    using var view = device.Allocate1D(values);
    using var scratch = device.Allocate1D<int>(device.ComputeRadixSortTempStorageSize<T, TOperation>((Index1D)values.Length));
    device.CreateRadixSort<T, Stride1D.Dense, TOperation>()(device.DefaultStream, view.View, scratch.View);
    device.Synchronize();
    return string.Join(' ', view.GetAsArray1D());
}

Console.WriteLine("float up: " + Sorted<float, AscendingFloat>(3, -1, 2, -5));
Console.WriteLine("float down: " + Sorted<float, DescendingFloat>(3, -1, 2, -5));
Console.WriteLine("double up: " + Sorted<double, AscendingDouble>(3, -1, 2, -5));
Console.WriteLine("int up: " + Sorted<int, AscendingInt32>(3, -1, 2, -5));
Console.WriteLine("positive float up: " + Sorted<float, AscendingFloat>(3, 1, 2, 5));
CS
seen=$(dotnet run finding.cs)
expected='float up: -1 -5 2 3
float down: 3 2 -5 -1
double up: -1 -5 2 3
int up: -5 -1 2 3
positive float up: 1 2 3 5'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
