using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>Registers accounts, keys and policies.</summary>
internal static class AccountServices
{
    private const string Either = "either";
    private static readonly string s_operator = Policies.Name(Role.Operator);
    private static readonly string s_admin = Policies.Name(Role.Admin);
    private static readonly string s_agent = Policies.Name(Role.Agent);

    public static void AddAccounts(this IServiceCollection services, DashboardOptions options)
    {
        services.AddIdentityCore<Account>(identity =>
        {
            identity.Password.RequiredLength = AccountMaker.ShortestPassword;
            identity.Password.RequireDigit =
                identity.Password.RequireLowercase = identity.Password.RequireUppercase = identity.Password.RequireNonAlphanumeric = false;
        }).AddUserStore<AccountUserStore>().AddClaimsPrincipalFactory<AccountClaims>().AddSignInManager();
        services.AddSingleton<EndedLogins>().AddSingleton<LoginGuard>();

        AuthenticationBuilder authentication = services.AddAuthentication(o => o.DefaultScheme = Either)
            .AddPolicyScheme(Either, null, o => o.ForwardDefaultSelector = http =>
                http.Request.Headers.ContainsKey("Authorization") ? ApiKeyHandler.SchemeName : IdentityConstants.ApplicationScheme)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        authentication.AddCookie(IdentityConstants.ApplicationScheme, cookie =>
        {
            cookie.Cookie.Name = "qb-login";
            cookie.Cookie.HttpOnly = true;
            cookie.Cookie.SameSite = SameSiteMode.Strict;
            cookie.Cookie.SecurePolicy = options.CertificateFile is null ? CookieSecurePolicy.SameAsRequest : CookieSecurePolicy.Always;
            cookie.ExpireTimeSpan = LoginCookie.Life;
            cookie.SlidingExpiration = true;
            cookie.LoginPath = "/login";
            cookie.AccessDeniedPath = "/denied";
            cookie.ReturnUrlParameter = "to";
            cookie.Events = new CookieAuthenticationEvents
            {
                OnValidatePrincipal = LoginCookie.ValidateAsync,
                OnRedirectToLogin = context => Refuse(context, StatusCodes.Status401Unauthorized),
                OnRedirectToAccessDenied = context => Refuse(context, StatusCodes.Status403Forbidden),
            };
        });

        services.AddAuthorizationBuilder()
            .AddPolicy(Policies.Read,
                p => p.RequireAssertion(c => !options.ReadingNeedsLogin
                    || (c.User.Identity is { IsAuthenticated: true } && !c.User.IsInRole(s_agent))))
            .AddPolicy(Policies.Operate,
                p => p.AddAuthenticationSchemes(IdentityConstants.ApplicationScheme).RequireRole(s_operator, s_admin))
            .AddPolicy(Policies.Administer, p => p.AddAuthenticationSchemes(IdentityConstants.ApplicationScheme).RequireRole(s_admin))
            .AddPolicy(Policies.Own, p => p.AddAuthenticationSchemes(IdentityConstants.ApplicationScheme).RequireAuthenticatedUser())
            .AddPolicy(Policies.OperateByKey, p => p.AddAuthenticationSchemes(ApiKeyHandler.SchemeName).RequireRole(s_operator, s_admin))
            .AddPolicy(Policies.Work, p => p.AddAuthenticationSchemes(ApiKeyHandler.SchemeName).RequireRole(s_agent))
            // An endpoint that names no policy is an endpoint nobody thought about.
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAssertion(_ => false).Build());
        services.AddCascadingAuthenticationState();
    }

    // Pages lead to the login; programs and forms get the plain answer.
    private static Task Refuse(RedirectContext<CookieAuthenticationOptions> context, int status)
    {
        bool page = HttpMethods.IsGet(context.Request.Method) && !context.Request.Path.StartsWithSegments("/api")
            && !context.Request.Path.StartsWithSegments("/_blazor");
        if (page) context.Response.Redirect(context.RedirectUri);
        else context.Response.StatusCode = status;
        return Task.CompletedTask;
    }
}
