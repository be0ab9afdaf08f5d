namespace QuantBench.TestKit;

/// <summary>What npm brings where it is there, and tests compare with.</summary>
public enum NpmPackage
{
    /// <summary>The evaluation texts, in <c>datasets/node_modules</c>.</summary>
    Texts,

    /// <summary>The native build of llama.cpp v0.5.0 for Linux on x64.</summary>
    LlamaCpp,
}
