using QuantBench.Analysis.Compare;

namespace QuantBench.Dashboard.Pages;

/// <summary>A candidate as its picker shows it.</summary>
/// <param name="Title">Its heading.</param>
/// <param name="Selector">What the address says.</param>
/// <param name="Side">The side as it was read; null when it couldn't be.</param>
/// <param name="SwapLink">Address with it as the base.</param>
/// <param name="RemoveLink">Address without it; null when it is the only one.</param>
internal sealed record CandidatePick(string Title, string Selector, ComparisonSide? Side, string SwapLink, string? RemoveLink);
