#!/bin/sh
# Microsoft.Data.Analysis 0.23.1: Sum and Mean of a column are computed in the column's own type. Bytes 200 and 100 sum to 44 with mean 22;
# int.MaxValue and 1 to a negative sum and mean; twenty million float ones to 16,777,216, mean 0.84. And GroupBy(...).Mean counts nulls as
# zeros where the column's own Mean leaves them out. Statistics of measurements are better computed outside of the frame.
# Source: https://www.nuget.org/packages/Microsoft.Data.Analysis/0.23.1. Needs the .NET 10 SDK. Fails when the behaviour changes.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >finding.cs <<'CS'
#:package Microsoft.Data.Analysis@0.23.1
#:property PublishAot=false
using System.Globalization;
using Microsoft.Data.Analysis;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var bytes = new ByteDataFrameColumn("v", new byte[] { 200, 100 });
var integers = new Int32DataFrameColumn("v", [int.MaxValue, 1]);
var ones = new SingleDataFrameColumn("v", Enumerable.Repeat(1f, 20_000_000));
Console.WriteLine($"bytes: {bytes.Sum()} {bytes.Mean()}");
Console.WriteLine($"integers: {integers.Sum()} {integers.Mean()}");
Console.WriteLine($"floats: {ones.Sum()} {ones.Mean():0.00}");

var frame = new DataFrame(new StringDataFrameColumn("k", ["a", "a"]), new DoubleDataFrameColumn("v", new double?[] { 1, null }));
Console.WriteLine($"mean of 1 and null: column {frame["v"].Mean()}, group {frame.GroupBy("k").Mean("v")["v"][0]}");
CS
seen=$(dotnet run finding.cs)
expected='bytes: 44 22
integers: -2147483648 -1073741824
floats: 16777216 0.84
mean of 1 and null: column 1, group 0.5'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:"; printf '%s\n' "$expected"; exit 1; }
