using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>How far outputs are from a reference's.</summary>
/// <param name="Relative">Root mean square difference over all elements of all outputs, over the root mean square of the reference's
/// elements.</param>
/// <param name="Largest">Largest difference of an element, over the largest magnitude of the same output of the reference.</param>
internal readonly record struct TensorError(double Relative, double Largest)
{
    /// <summary>Compares.</summary>
    /// <param name="reference">Outputs of the reference.</param>
    /// <param name="outputs">Outputs of the variant: the same names and shapes, in any order.</param>
    /// <exception cref="RequestException">Names or shapes differ, or there is nothing to compare.</exception>
    /// <exception cref="EngineException">An element isn't finite.</exception>
    public static TensorError Between(ImmutableArray<TensorOutput> reference, ImmutableArray<TensorOutput> outputs)
    {
        double differences = 0;
        double squares = 0;
        double largest = 0;
        foreach (TensorOutput expected in reference)
        {
            TensorOutput found = outputs.FirstOrDefault(o => o.Name == expected.Name)
                ?? throw new RequestException($"The model has no output '{expected.Name}', but its reference has.",
                    "Reference and variant must be of the same model.");
            if (!found.Shape.AsSpan().SequenceEqual(expected.Shape.AsSpan()))
            {
                throw new RequestException(
                    $"The output '{expected.Name}' is [{string.Join(", ", found.Shape)}], the reference's "
                        + $"[{string.Join(", ", expected.Shape)}].", "Reference and variant must be of the same model.");
            }

            (double difference, double magnitude) = Add(expected, found, ref differences, ref squares);
            if (difference > 0) largest = Math.Max(largest, magnitude > 0 ? difference / magnitude : double.PositiveInfinity);
        }

        if (reference.IsEmpty)
            throw new RequestException("The reference has no output of numbers.", "Only outputs of numbers can be compared.");
        if (differences == 0) return new TensorError(0, 0);
        return squares > 0 && double.IsFinite(largest)
            ? new TensorError(Math.Sqrt(differences / squares), largest)
            : throw new RequestException("An output of the reference is zero everywhere, so that no relative error is defined.",
                "Give other inputs.");
    }

    private static (double Difference, double Magnitude) Add(TensorOutput expected, TensorOutput found, ref double differences,
        ref double squares)
    {
        ReadOnlySpan<float> x = expected.Values.Span;
        ReadOnlySpan<float> y = found.Values.Span;
        double largest = 0;
        double magnitude = 0;
        for (int i = 0; i < x.Length; i++)
        {
            if (!float.IsFinite(x[i]) || !float.IsFinite(y[i]))
                throw new EngineException($"The output '{expected.Name}' holds values that aren't finite.",
                    "The model overflows with these inputs; give others.");
            double difference = Math.Abs((double)y[i] - x[i]);
            differences += difference * difference;
            squares += (double)x[i] * x[i];
            largest = Math.Max(largest, difference);
            magnitude = Math.Max(magnitude, Math.Abs((double)x[i]));
        }

        return (largest, magnitude);
    }
}
