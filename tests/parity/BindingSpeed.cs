using QuantBench.Core.Statistics;

namespace QuantBench.Parity;

/// <summary>
/// Both bindings over the bare calls on one native build, which may cost them a hundredth at most, and that build over the one from npm,
/// all on one file and in turns, each in a process of its own. Processes are started anew every few rounds, because where the weights come
/// to lie in memory makes one process faster than the next by some hundredths, for as long as it lives.
/// </summary>
internal sealed class BindingSpeed(string root, string rival, string cache)
{
    private const double Target = 0.99;
    private const int RoundsPerLaunch = 3;
    private static readonly string[] s_works = ["tg", "pp"];

    /// <summary>Measures and prints.</summary>
    /// <param name="schemes">Comma-separated schemes.</param>
    /// <param name="rounds">Rounds; each is one turn of everyone.</param>
    /// <param name="layers">Layers of the model; 0 = as many as the shape has.</param>
    /// <returns>Number of targets missed.</returns>
    public int Measure(string schemes, int rounds, int layers)
    {
        int missed = 0;
        Console.WriteLine(
            $"{"scheme",-8} {"work",-5} {"bare t/s",9} {"llamacpp/bare",14} {"llamasharp/bare",16} {"bare/bare",10} "
                + $"{"NuGet/npm build",16}");
        foreach (string scheme in schemes.Split(','))
        {
            string file = ManagedSpeed.Synthesize(cache, ManagedSpeed.UsualShape, scheme, layers);
            var rates = s_works.ToDictionary(work => work, _ => new List<double[]>());
            for (int round = 0; round < rounds; round += RoundsPerLaunch) Launch(file, Math.Min(RoundsPerLaunch, rounds - round), rates);
            foreach ((string work, List<double[]> all) in rates)
            {
                double Ratio(int over, int under) => Descriptive.Median([.. all.Select(r => r[over] / r[under])]);
                (double mine, double theirs) = (Ratio(1, 0), Ratio(2, 0));
                int below = (mine < Target ? 1 : 0) + (theirs < Target ? 1 : 0);
                missed += below;
                double speed = Descriptive.Median([.. all.Select(r => r[0])]);
                Console.WriteLine(
                    $"{scheme,-8} {work,-5} {speed,9:F2} {mine,14:F3} {theirs,16:F3} {Ratio(4, 0),10:F3} {Ratio(1, 3),16:F3}"
                    + (below > 0 ? " MISSED" : ""));
            }
        }

        return missed;
    }

    // In turns forwards and backwards, so that a machine that gets warmer favours nobody.
    private void Launch(string file, int rounds, Dictionary<string, List<double[]>> rates)
    {
        SpeedTurn Start(string native, string backend) => new(Environment.ProcessPath!, root, native, backend, file);
        using SpeedTurn bare = Start(SpeedWorker.NuGet, $"{BareLoop.Name}/cpu"), ours = Start(SpeedWorker.NuGet, "llamacpp/cpu");
        using SpeedTurn sharp = Start(SpeedWorker.NuGet, "llamasharp/cpu"), pinned = Start(rival, "llamacpp/cpu");
        // The same calls in another process: what two processes differ by that do the same.
        using SpeedTurn again = Start(SpeedWorker.NuGet, $"{BareLoop.Name}/cpu");
        SpeedTurn[] all = [bare, ours, sharp, pinned, again];
        foreach (string work in s_works)
        {
            foreach (SpeedTurn turn in all) turn.Ask(work);
            for (int round = 0; round < rounds; round++)
            {
                double[] rate = new double[all.Length];
                foreach (int i in round % 2 == 0 ? (int[])[0, 1, 4, 2, 3] : [3, 2, 4, 1, 0]) rate[i] = all[i].Ask(work);
                rates[work].Add(rate);
            }
        }
    }
}
