using QuantBench.Core.Errors;

namespace QuantBench.Core.Suites;

/// <summary>What is wrong in a suite, gathered so that all of it is said at once.</summary>
internal sealed class SuiteFaults
{
    private readonly List<SuiteException> _faults = [];

    /// <summary>Does a part of the reading; a fault of it is kept and the rest goes on.</summary>
    /// <param name="part">The part.</param>
    public void Gather(Action part)
    {
        try
        {
            part();
        }
        catch (SuiteException e)
        {
            _faults.Add(e);
        }
    }

    /// <summary>Throws what was gathered, if anything was.</summary>
    /// <exception cref="SuiteException">The first fault, with the others.</exception>
    public void Throw()
    {
        if (_faults.Count > 0) throw SuiteException.Of(_faults);
    }
}
