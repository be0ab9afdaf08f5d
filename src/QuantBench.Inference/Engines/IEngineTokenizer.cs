using QuantBench.Formats.Tokenizers;

namespace QuantBench.Inference.Engines;

/// <summary>An engine's own tokenizer of a model file. Text is taken as it stands: no special tokens around it, and text that looks like a
/// control token is plain text.</summary>
public interface IEngineTokenizer : ITextTokenizer, IDisposable;
