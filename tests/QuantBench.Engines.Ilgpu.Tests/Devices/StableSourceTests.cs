using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime.OpenCL;
using QuantBench.DeviceCheck;
using QuantBench.Engines.Ilgpu.Devices;

namespace QuantBench.Engines.Ilgpu.Tests.Devices;

public sealed class StableSourceTests
{
    // Of every class that has shared memory, loops, tables or functions of its own.
    public static TheoryData<string> Kernels() =>
        ["Attention.Attend", "Head.ArgMaxParts", "Input.Normalise", "MatMul.Quantized.Q4_K", "MatVec.Quantized.IQ4_XS", "Expert.Route"];

    // A driver finds what it compiled earlier by the text: another process, or the same one later, must write the same.
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Source_IsTheSame_WhateverWasCompiledBefore(string name)
    {
        CLCompiledKernel first = Compile(PtxKernels.All[name]);
        Compile(PtxKernels.All["Copy.Copy"]);
        CLCompiledKernel second = Compile(PtxKernels.All[name]);

        Assert.NotEqual(first.Source, second.Source); // as ILGPU writes it
        Assert.Equal(StableSource.Of(first).Source, StableSource.Of(second).Source);
        Assert.Equal(first.Name, StableSource.Of(first).Name);
    }

    [Fact]
    public void Renumber_KeepsNamesApart_AndTheKernelsOwn()
    {
        const string text = "struct type_812_kernel; typedef global int* type_812; "
            + "kernel void Kernel_9(type_812 _x_77, int _y_812) { L_8120: _x_77[field_0] = _y_812; }";

        Assert.Equal(
            "struct type_0_kernel; typedef global int* type_1; "
                + "kernel void Kernel_9(type_1 _x_2, int _y_3) { L_4: _x_2[field_5] = _y_3; }",
            StableSource.Renumber(text, "Kernel_9"));
    }

    private static CLCompiledKernel Compile(MethodInfo kernel)
    {
        using Context context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        // Without halves, which the kernels don't use.
        var capabilities = new CLCapabilityContext(false, true, true, true, true);
        using var backend = new CLBackend(context, capabilities, CLDeviceVendor.Other, CLCVersion.CL20);
        return (CLCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), default);
    }
}
