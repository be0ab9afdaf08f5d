namespace QuantBench.Cli.Composition;

/// <summary>Exit codes of <c>quantbench</c>; those from 64 up are sysexits.h's.</summary>
internal static class ExitCode
{
    /// <summary>Done; every cell is measured or unsupported with its reason.</summary>
    public const int Ok = 0;

    /// <summary>Done, but a cell failed, or a check found damage.</summary>
    public const int CellsFailed = 2;

    /// <summary>A gate is broken, the run's own suite's among them, or a trend got worse.</summary>
    public const int GateBroken = 3;

    /// <summary>Done, but nothing was measured: every cell is unsupported; or nothing fits a profile.</summary>
    public const int Nothing = 4;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>A suite, model, dataset or name is wrong.</summary>
    public const int BadInput = 65;

    /// <summary>An engine can't be started.</summary>
    public const int Unavailable = 69;

    /// <summary>A fault in QuantBench itself.</summary>
    public const int Internal = 70;

    /// <summary>Results or the cache can't be read or written.</summary>
    public const int InputOutput = 74;

    /// <summary>Stopped by Ctrl-C.</summary>
    public const int Interrupted = 130;

    /// <summary>The codes, for help texts.</summary>
    public const string Help =
        """
        Exit codes:
          0    done; every cell is measured, or unsupported with its reason
          2    done, but a cell failed, or damage was found
          3    a gate is broken, or a trend got worse
          4    done, but nothing was measured, or nothing fits
          64   the command line is wrong
          65   a suite, model, dataset or name is wrong
          69   an engine can't be started
          70   a fault in QuantBench itself
          74   results or the cache can't be read or written
          130  stopped by Ctrl-C; 'quantbench resume' goes on
        """;
}
