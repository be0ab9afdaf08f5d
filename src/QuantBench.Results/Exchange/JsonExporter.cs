using System.Text.Json;
using QuantBench.Core;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>One JSON object: <c>{"run": {…}, "cells": [ … ]}</c>.</summary>
public sealed class JsonExporter : IRunExporter
{
    /// <inheritdoc/>
    public string Name => "json";

    /// <inheritdoc/>
    public Task WriteAsync(RunRecord run, Stream output, CancellationToken cancellationToken) =>
        JsonSerializer.SerializeAsync(output, new { run = run.Info, cells = run.Cells }, Json.Pretty, cancellationToken);
}
