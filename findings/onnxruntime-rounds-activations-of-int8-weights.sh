#!/bin/sh
# ONNX Runtime 1.31.1, CPU, default session options: a model whose weights are int8 with DequantizeLinear (per column) before a float MatMul,
# activations in float and nothing else quantized. The optimizer replaces both by MatMulNBits with accuracy level 4, which rounds the
# activations to 8 bits too: the result is off by a few thousandths of its largest value. With session.qdq_matmulnbits_accuracy_level = 0,
# or with the basic optimization level, it is that of the graph as written (1e-6). A "weight-only" model is measured as another one.
# Source: https://www.nuget.org/packages/Microsoft.ML.OnnxRuntime/1.31.1. Needs the .NET 10 SDK. Fails when the behaviour changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >finding.cs <<'CS'
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:package Google.Protobuf@3.36.2
#:property PublishAot=false
using System.Runtime.InteropServices;
using System.Text;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

const int inner = 256, outer = 64, rows = 4;
var random = new Random(7);
sbyte[] weights = [.. Enumerable.Range(0, inner * outer).Select(_ => (sbyte)random.Next(-127, 128))];
float[] scales = [.. Enumerable.Range(0, outer).Select(_ => (float)(0.001 + 0.01 * random.NextDouble()))];
float[] input = [.. Enumerable.Range(0, rows * inner).Select(_ => (float)(2 * random.NextDouble() - 1))];

// ModelProto by its field numbers (onnx.proto3).
byte[] Message(Action<CodedOutputStream> write)
{
    using var memory = new MemoryStream();
    using (var output = new CodedOutputStream(memory, true)) { write(output); }
    return memory.ToArray();
}
void Number(CodedOutputStream o, int field, long value) { o.WriteTag(field, WireFormat.WireType.Varint); o.WriteInt64(value); }
void Part(CodedOutputStream o, int field, byte[] value) { o.WriteTag(field, WireFormat.WireType.LengthDelimited); o.WriteBytes(ByteString.CopyFrom(value)); }
void Text(CodedOutputStream o, int field, string value) => Part(o, field, Encoding.UTF8.GetBytes(value));
byte[] Tensor(string name, int type, byte[] raw, params long[] shape) => Message(o =>
{
    foreach (long d in shape) { Number(o, 1, d); }
    Number(o, 2, type); Text(o, 8, name); Part(o, 9, raw);
});
byte[] Node(string kind, string[] inputs, string result, params byte[][] attributes) => Message(o =>
{
    foreach (string i in inputs) { Text(o, 1, i); }
    Text(o, 2, result); Text(o, 4, kind);
    foreach (byte[] a in attributes) { Part(o, 5, a); }
});
byte[] Value(string name, params long[] shape) => Message(o =>
{
    Text(o, 1, name);
    Part(o, 2, Message(t => Part(t, 1, Message(f =>
    {
        Number(f, 1, 1);
        Part(f, 2, Message(s => { foreach (long d in shape) { Part(s, 1, Message(e => Number(e, 1, d))); } }));
    }))));
});
byte[] model = Message(o =>
{
    Number(o, 1, 10);
    Part(o, 8, Message(v => Number(v, 2, 21)));
    Part(o, 7, Message(g =>
    {
        Part(g, 1, Node("DequantizeLinear", ["w", "s"], "f", Message(a => { Text(a, 1, "axis"); Number(a, 3, 1); Number(a, 20, 2); })));
        Part(g, 1, Node("MatMul", ["x", "f"], "y"));
        Text(g, 2, "g");
        Part(g, 5, Tensor("w", 3, MemoryMarshal.AsBytes<sbyte>(weights).ToArray(), inner, outer));
        Part(g, 5, Tensor("s", 1, MemoryMarshal.AsBytes<float>(scales).ToArray(), outer));
        Part(g, 11, Value("x", rows, inner));
        Part(g, 12, Value("y", rows, outer));
    }));
});

float[] Run(Action<SessionOptions> set)
{
    using var options = new SessionOptions();
    set(options);
    using var session = new InferenceSession(model, options);
    using OrtValue x = OrtValue.CreateTensorValueFromMemory(input, [rows, inner]);
    using var results = session.Run(new RunOptions(), ["x"], [x], ["y"]);
    return results[0].GetTensorDataAsSpan<float>().ToArray();
}
float[] written = Run(o => o.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL);
void Show(string name, Action<SessionOptions> set)
{
    float[] seen = Run(set);
    double error = seen.Zip(written, (a, b) => Math.Abs(a - b)).Max() / written.Max(Math.Abs);
    Console.WriteLine($"{name}: {(error > 5e-4 ? "off by more than 0.0005 of the largest" : error < 1e-5 ? "as written" : "between")}");
}
Show("default", _ => { });
Show("accuracy level 0", o => o.AddSessionConfigEntry("session.qdq_matmulnbits_accuracy_level", "0"));
Show("basic", o => o.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC);
CS
seen=$(dotnet run finding.cs)
expected='default: off by more than 0.0005 of the largest
accuracy level 0: as written
basic: as written'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
