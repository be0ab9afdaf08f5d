using System.CommandLine;
using System.CommandLine.Completions;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Models.Synthesis;
using QuantBench.Results.Folders;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench completion</c>: scripts that let shells complete commands, and the names that they complete to.</summary>
internal static class CompletionCommand
{
    // The program completes the line without its first word, whatever that is: a path, a script in front of it.
    private const string Bash = """
        _quantbench() {
          local line="${COMP_LINE#* }" skipped
          [ "$line" = "$COMP_LINE" ] && line=
          skipped=$((${#COMP_LINE} - ${#line}))
          local IFS=$'\n'
          local found="$("${COMP_WORDS[0]}" "[suggest:$((COMP_POINT - skipped))]" "$line" 2>/dev/null)"
          COMPREPLY=($(compgen -W "$found" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _quantbench NAMES
        """;

    private const string Zsh = """
        #compdef NAMES
        _quantbench() {
          local line="${(j: :)words[2,CURRENT]}"
          local -a found
          found=("${(@f)$("${(Q)words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
          if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
        }
        compdef _quantbench NAMES
        """;

    private const string Fish = """
        function __quantbench
            set -l words (commandline -opc) (commandline -ct)
            set -l line (string join ' ' -- $words[2..-1])
            $words[1] "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        for name in NAMES
            complete -c $name -a '(__quantbench)'
        end
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName NAMES -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
            if ($wordToComplete -eq '') { $words += '' }
            $line = $words -join ' '
            & $commandAst.CommandElements[0].ToString() "[suggest:$($line.Length)]" "$line" 2>$null | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
            }
        }
        """;

    public static Command Build(HelpTexts help)
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh, fish or powershell" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "powershell");
        var command = new Command("completion", "Print a script that lets a shell complete this command.") { shell };
        command.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(Script(parsed.GetRequiredValue(shell), CalledAs.Name)));
        help.Add(command, """
            Examples:
              quantbench completion bash > ~/.local/share/bash-completion/completions/quantbench
              quantbench completion zsh > ~/.zfunc/_quantbench          with fpath+=~/.zfunc before compinit in ~/.zshrc
              quantbench completion fish > ~/.config/fish/completions/quantbench.fish
              quantbench completion powershell >> $PROFILE
              source <(quantbench completion bash)                      for this shell alone
            """);
        return command;
    }

    /// <summary>The script of a shell.</summary>
    /// <param name="shell">One of the four.</param>
    /// <param name="name">The command as it was called.</param>
    internal static string Script(string shell, string name)
    {
        string[] names = [.. ((string[])[name, Path.GetFileName(name.Replace('\\', '/'))]).Distinct()];
        (string script, string separator) = shell switch
        {
            "bash" => (Bash, " "),
            "zsh" => (Zsh, " "),
            "fish" => (Fish, " "),
            _ => (PowerShell, ", "),
        };
        return script.Replace("NAMES", string.Join(separator, names.Select(CalledAs.Quoted)), StringComparison.Ordinal)
            .ReplaceLineEndings("\n");
    }

    /// <summary>Gives arguments and options the names that they can have.</summary>
    /// <param name="root">The root command, complete.</param>
    public static void AddNames(RootCommand root)
    {
        foreach (Command command in All(root))
        {
            foreach (Argument argument in command.Arguments)
            {
                argument.HelpName ??= argument.Name; // else the help would list the names instead
                if (argument.Name is "suite") argument.CompletionSources.Add(_ => Items(Suites()));
                else if (argument.Name is "run" or "runs" or "sides") argument.CompletionSources.Add(c => Items(Runs(c.ParseResult)));
                else if (argument.Name is "metric") argument.CompletionSources.Add(_ => Items(MetricTable.All.Select(m => m.Name)));
            }

            foreach (Option option in command.Options)
            {
                if (option.Name is "--profile") option.CompletionSources.Add(_ => Items(SuiteFiles.Profiles(Installation.Root)));
                else if (option.Name is "--variant" or "--scheme")
                    option.CompletionSources.Add(_ => Items(QuantSchemes.All.Select(s => $"{s.Format}:{s.Name}")));
                else if (option.Name is "--like") option.CompletionSources.Add(_ => Items(SyntheticShapes.All.Select(s => s.Name)));
            }
        }

        IEnumerable<string> Runs(ParseResult parsed)
        {
            try
            {
                string results = parsed.GetValue<string?>("--results") ?? Installation.UsualResults;
                return ["latest", .. new RunCatalog(results).List().Take(50).Select(r => r.Id)];
            }
            catch (Exception e) when (e is QuantBenchException or InvalidOperationException || DiskFault.Is(e))
            {
                return ["latest"];
            }
        }
    }

    private static IEnumerable<string> Suites() =>
        SuiteFiles.List(Installation.Root).Select(f => Path.GetFileNameWithoutExtension(f));

    private static IEnumerable<CompletionItem> Items(IEnumerable<string> names) => names.Select(n => new CompletionItem(n));

    private static IEnumerable<Command> All(Command command) => [command, .. command.Subcommands.Where(c => !c.Hidden).SelectMany(All)];
}
