using QuantBench.Core.Statistics;

namespace QuantBench.Parity;

/// <summary>
/// Both bindings over the bare calls on one native build, which may cost them a hundredth at most, and that build over the one from npm,
/// all on one file and in turns: each loaded once, in a process of its own.
/// </summary>
internal sealed class BindingSpeed(string root, string rival, string cache)
{
    private const double Target = 0.99;

    /// <summary>Measures and prints.</summary>
    /// <param name="schemes">Comma-separated schemes.</param>
    /// <param name="rounds">Rounds; each is one turn of everyone.</param>
    /// <param name="layers">Layers of the model; 0 = as many as the shape has.</param>
    /// <returns>Number of targets missed.</returns>
    public int Measure(string schemes, int rounds, int layers)
    {
        int missed = 0;
        Console.WriteLine($"{"scheme",-8} {"work",-5} {"bare t/s",9} {"llamacpp/bare",14} {"llamasharp/bare",16} {"NuGet/npm build",16}");
        foreach (string scheme in schemes.Split(','))
        {
            string file = ManagedSpeed.Synthesize(cache, ManagedSpeed.UsualShape, scheme, layers);
            SpeedTurn Start(string native, string backend) => new(Environment.ProcessPath!, root, native, backend, file);
            using SpeedTurn bare = Start(SpeedWorker.NuGet, $"{BareLoop.Name}/cpu"), ours = Start(SpeedWorker.NuGet, "llamacpp/cpu");
            using SpeedTurn sharp = Start(SpeedWorker.NuGet, "llamasharp/cpu"), pinned = Start(rival, "llamacpp/cpu");
            SpeedTurn[] all = [bare, ours, sharp, pinned];
            foreach (string work in (string[])["tg", "pp"])
            {
                foreach (SpeedTurn turn in all) turn.Ask(work);
                // In turns forwards and backwards, so that a machine that gets warmer favours nobody.
                double[][] rates = [.. all.Select(_ => new double[rounds])];
                for (int round = 0; round < rounds; round++)
                {
                    foreach (int i in round % 2 == 0 ? (int[])[0, 1, 2, 3] : [3, 2, 1, 0]) rates[i][round] = all[i].Ask(work);
                }

                double Ratio(int over, int under) => Descriptive.Median([.. rates[over].Zip(rates[under], (a, b) => a / b)]);
                (double mine, double theirs) = (Ratio(1, 0), Ratio(2, 0));
                int below = (mine < Target ? 1 : 0) + (theirs < Target ? 1 : 0);
                missed += below;
                Console.WriteLine(
                    $"{scheme,-8} {work,-5} {Descriptive.Median(rates[0]),9:F2} {mine,14:F3} {theirs,16:F3} {Ratio(1, 3),16:F3}"
                        + (below > 0 ? " MISSED" : ""));
            }
        }

        return missed;
    }
}
