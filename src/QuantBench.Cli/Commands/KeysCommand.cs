using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Lab.Accounts;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench keys</c>.</summary>
internal static class KeysCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("keys", "API keys for scripts and agents.");
        command.Subcommands.Add(Add(global));
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(Revoke(global));
        help.Add(command, """
            Examples:
              quantbench keys add nightly-upload --role operator        prints the key, this once
              quantbench keys add rack1 --role agent > rack1.key        for the agent of machine rack1
              quantbench keys list
              quantbench keys revoke qb_AbC123
              curl -H "Authorization: Bearer qb_..." -H "Content-Type: application/zip" --data-binary @run.zip \
                http://localhost:5080/api/v1/runs
            """);
        return command;
    }

    private static Command Add(GlobalOptions global)
    {
        var name = new Argument<string>("name") { Description = "what it is for" };
        Option<Role> role = WordOption.Of("--role", Role.Operator);
        role.Description = "viewer, operator (default), admin, or agent: the machine of the lab that the key is called by";
        role.HelpName = "ROLE";
        var add = new Command("add", "Make a key; it is printed once and not kept.") { name, role };
        add.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            (string key, ApiKeyInfo info) = lab.Keys.Create(parsed.GetRequiredValue(name), LabAccess.Actor, parsed.GetValue(role));
            lab.Audit.Write(LabAccess.Actor, "key.add", info.Prefix, null, $"{info.Name}, {Policies.Name(info.Role)}");
            parsed.InvocationConfiguration.Output.WriteLine(key);
        });
        return add;
    }

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List keys by their first characters.");
        list.SetAction(parsed =>
        {
            IReadOnlyList<ApiKeyInfo> all = new LabAccess(global.Environment(parsed)).Keys.List();
            if (all.Count == 0) parsed.InvocationConfiguration.Output.WriteLine("no keys.");
            foreach (ApiKeyInfo key in all)
                parsed.InvocationConfiguration.Output.WriteLine(
                    $"{key.Prefix,-12} {Policies.Name(key.Role),-10} {key.Name,-32} "
                        + $"{(key.Revoked is { } at ? $"revoked {at:yyyy-MM-dd}" : key.LastUsed is { } used ? "last used "
                        + $"{used:yyyy-MM-dd HH:mm}Z" : "never used")}");
        });
        return list;
    }

    private static Command Revoke(GlobalOptions global)
    {
        var prefix = new Argument<string>("prefix") { Description = "first characters of the key, as 'keys list' prints them" };
        var revoke = new Command("revoke", "Make a key stop working.") { prefix };
        revoke.SetAction(parsed =>
        {
            var lab = new LabAccess(global.Environment(parsed));
            ApiKeyInfo[] fit = [
                .. lab.Keys.List()
                    .Where(k => k.Revoked is null && k.Prefix.StartsWith(parsed.GetRequiredValue(prefix), StringComparison.Ordinal))];
            if (fit.Length != 1)
                throw new RequestException(fit.Length == 0 ? "no working key begins so." : $"{fit.Length} keys begin so.",
                    "See 'quantbench keys list'.");
            lab.Keys.Revoke(fit[0].Id);
            lab.Audit.Write(LabAccess.Actor, "key.revoke", fit[0].Prefix, fit[0].Name, null);
            parsed.InvocationConfiguration.Output.WriteLine($"{fit[0].Prefix}… was revoked.");
        });
        return revoke;
    }
}
