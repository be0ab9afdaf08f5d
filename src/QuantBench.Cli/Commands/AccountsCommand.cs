using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Lab.Accounts;
using QuantBench.Runner.Workers;
using Spectre.Console;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench accounts</c>.</summary>
internal static class AccountsCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("accounts", "Who may log in to the dashboard.");
        command.Subcommands.Add(Add(global));
        command.Subcommands.Add(Password(global));
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(Remove(global));
        help.Add(command, """
            Examples:
              quantbench accounts add ada --role admin            asks for the password
              quantbench accounts add bob --role viewer --password-stdin < password.txt
              quantbench accounts password bob                    a new one; it ends his logins
              quantbench accounts list

            Roles: viewer looks; operator starts and cancels runs, edits notes and schedules; admin also manages accounts and keys.
            """);
        return command;
    }

    private static Command Add(GlobalOptions global)
    {
        var name = new Argument<string>("name") { Description = "name to log in with" };
        Option<Role> role = WordOption.Of("--role", Role.Viewer);
        (role.Description, role.HelpName) = ("viewer (default), operator or admin", "ROLE");
        var fromInput = new Option<bool>("--password-stdin") { Description = "read the password's line from standard input" };
        var add = new Command("add", "Add an account.") { name, role, fromInput };
        add.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string password = parsed.GetValue(fromInput) ? Console.In.ReadLine() ?? "" : Ask();
            var lab = new LabAccess(environment);
            Account account = AccountMaker.Make(parsed.GetRequiredValue(name), password, parsed.GetValue(role), environment.Clock);
            if (!lab.Accounts.Add(account))
                throw new RequestException($"there is an account '{account.Name}' already.",
                    $"Remove it first: quantbench accounts remove {account.Name}");
            lab.Audit.Write(LabAccess.Actor, "account.add", account.Name, null, Policies.Name(account.Role));
            parsed.InvocationConfiguration.Output.WriteLine($"{account.Name} may log in as {Policies.Name(account.Role)}.");
        });
        return add;
    }

    private static Command Password(GlobalOptions global)
    {
        var name = new Argument<string>("name") { Description = "name of the account" };
        var fromInput = new Option<bool>("--password-stdin") { Description = "read the password's line from standard input" };
        var password = new Command("password", "Give an account another password; its logins end.") { name, fromInput };
        password.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            Account account = lab.Accounts.FindByName(AccountMaker.Normalize(parsed.GetRequiredValue(name)))
                ?? throw new RequestException($"there is no account '{parsed.GetValue(name)}'.", "See 'quantbench accounts list'.");
            AccountMaker.SetPassword(account, parsed.GetValue(fromInput) ? Console.In.ReadLine() ?? "" : Ask());
            lab.Accounts.Update(account);
            lab.Audit.Write(LabAccess.Actor, "account.password", account.Name);
            parsed.InvocationConfiguration.Output.WriteLine($"{account.Name} has another password.");
        });
        return password;
    }

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List accounts.");
        list.SetAction(parsed =>
        {
            IReadOnlyList<Account> all = new LabAccess(global.Environment(parsed)).Accounts.List();
            if (all.Count == 0)
                parsed.InvocationConfiguration.Output.WriteLine("no accounts: the dashboard is for reading on this machine only.");
            foreach (Account account in all)
                parsed.InvocationConfiguration.Output.WriteLine(
                    $"{account.Name,-32} {Policies.Name(account.Role),-10} since {account.Created:yyyy-MM-dd}");
        });
        return list;
    }

    private static Command Remove(GlobalOptions global)
    {
        var name = new Argument<string>("name") { Description = "name of the account" };
        var remove = new Command("remove", "Remove an account; the last admin stays.") { name };
        remove.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            Account account = lab.Accounts.FindByName(AccountMaker.Normalize(parsed.GetRequiredValue(name)))
                ?? throw new RequestException($"there is no account '{parsed.GetValue(name)}'.", "See 'quantbench accounts list'.");
            if (!lab.Accounts.Remove(account.Id))
                throw new RequestException($"{account.Name} is the last admin and stays.", "Add another admin first.");
            lab.Audit.Write(LabAccess.Actor, "account.remove", account.Name, Policies.Name(account.Role), null);
            parsed.InvocationConfiguration.Output.WriteLine($"{account.Name} was removed.");
        });
        return remove;
    }

    private static string Ask()
    {
        if (Console.IsInputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
            throw new RequestException("there is no terminal to ask for the password.", "Use --password-stdin.");
        string first = AnsiConsole.Prompt(new TextPrompt<string>("Password (at least 12 characters):").Secret());
        string second = AnsiConsole.Prompt(new TextPrompt<string>("Again:").Secret());
        return first == second ? first : throw new RequestException("the two passwords differ.", "Try again.");
    }
}
