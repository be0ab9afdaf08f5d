namespace QuantBench.Inference.Engines;

/// <summary>
/// Ability of an engine: tokenizes text by the vocabulary of a GGUF file. It is asked where QuantBench's own tokenizers don't read that
/// vocabulary; the ids then go to every engine alike. <see cref="QuantBench.Core.Engines.EngineFacts.Tokenizes"/> says that it is there.
/// </summary>
public interface ITokenizerEngine
{
    /// <summary>Loads a file's vocabulary, no weights.</summary>
    /// <param name="path">A GGUF file.</param>
    /// <exception cref="QuantBench.Core.Errors.UnsupportedException">The engine has no code for it.</exception>
    /// <exception cref="QuantBench.Core.Errors.EngineException">The engine refused; the message carries the engine's own words.</exception>
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">The file is broken.</exception>
    IEngineTokenizer OpenTokenizer(string path);
}
