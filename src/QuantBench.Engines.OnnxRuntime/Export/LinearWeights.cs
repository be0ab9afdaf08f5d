using System.Collections.Immutable;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Decoders;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>The rows of one or several matrices, one below the other.</summary>
internal sealed class LinearWeights
{
    private readonly DecoderWeights _source;
    private readonly ImmutableArray<string> _modules;
    private readonly ImmutableArray<IWeightMatrix> _matrices;
    private readonly int _turns = 1;

    /// <param name="source">The model.</param>
    /// <param name="modules">Names of the matrices, all with the same number of columns.</param>
    public LinearWeights(DecoderWeights source, ImmutableArray<string> modules)
    {
        (_source, _modules) = (source, modules);
        _matrices = [.. modules.Select(source.Matrix)];
        Rows = _matrices.Sum(m => m.Rows);
        Columns = _matrices[0].Columns;
    }

    private LinearWeights(DecoderWeights source, ImmutableArray<string> modules, ImmutableArray<IWeightMatrix> matrices, int turns)
    {
        (_source, _modules, _matrices, _turns) = (source, modules, matrices, turns);
        Rows = _matrices.Sum(m => m.Rows);
        Columns = _matrices[0].Columns;
    }

    /// <summary>The rows of all experts, one expert below the other. Where there are several matrices of each, their rows take
    /// turns.</summary>
    /// <param name="source">The model.</param>
    /// <param name="modules">Names of the matrices, all with the same number of rows and columns.</param>
    public static LinearWeights OfExperts(DecoderWeights source, params ImmutableArray<string> modules)
    {
        ImmutableArray<IWeightMatrix>[] experts = [.. modules.Select(source.Experts)];
        IEnumerable<int> numbers = Enumerable.Range(0, experts[0].Length);
        return new LinearWeights(source, [.. numbers.SelectMany(_ => modules)], [.. numbers.SelectMany(i => experts.Select(e => e[i]))],
            modules.Length);
    }

    /// <summary>Outputs.</summary>
    public int Rows { get; }

    /// <summary>Inputs.</summary>
    public int Columns { get; }

    /// <summary>Type of their blocks when all come from a GGUF file and have the same; null otherwise.</summary>
    public GgmlType? BlockType => _matrices.Select(m => (m as GgufMatrix)?.Type).Distinct().ToArray() is [{ } type] ? type : null;

    /// <summary>Biases of all rows, zeros where a matrix has none; null when none has.</summary>
    public float[]? Bias()
    {
        float[]?[] parts = [.. _modules.Select((module, i) => _source.Bias(module, _matrices[i].Rows))];
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i] is { } values) FiniteWeights.Check(values, _source.Path, $"{_modules[i]}.bias", 0, values.Length);
        }

        return parts.All(p => p is null) ? null : [.. parts.SelectMany((p, i) => p ?? new float[_matrices[i].Rows])];
    }

    /// <summary>Where the weights are from, for messages.</summary>
    public string Path => _source.Path;

    /// <summary>Name for messages.</summary>
    public string Name => string.Join(" + ", _modules.Distinct());

    /// <summary>A row's weights.</summary>
    public void Read(int row, Span<float> output)
    {
        (IWeightMatrix matrix, int at) = Locate(row);
        matrix.ReadRows(at, 1, output);
        FiniteWeights.Check(output[..Columns], _source.Path, _modules[_matrices.IndexOf(matrix)], (long)at * Columns, Columns);
    }

    /// <summary>A row's blocks, when all come from a GGUF file.</summary>
    public ReadOnlySpan<byte> Blocks(int row)
    {
        (IWeightMatrix matrix, int at) = Locate(row);
        return ((GgufMatrix)matrix).Row(at);
    }

    /// <summary>Lets go of the source's pages; reading goes on to be right.</summary>
    public void Release()
    {
        foreach (string module in _modules.Distinct()) _source.Release(module);
    }

    private (IWeightMatrix Matrix, int Row) Locate(int row)
    {
        if (_turns > 1)
        {
            (int group, int within) = Math.DivRem(row, _turns * _matrices[0].Rows);
            return (_matrices[(group * _turns) + (within % _turns)], within / _turns);
        }

        foreach (IWeightMatrix matrix in _matrices)
        {
            if (row < matrix.Rows) return (matrix, row);
            row -= matrix.Rows;
        }

        throw new ArgumentOutOfRangeException(nameof(row));
    }
}
