namespace QuantBench.Analysis.Reports;

/// <summary>The report's style sheet. No quotes that XML would escape inside a style element: &lt;, &gt; and &amp; must not
/// occur.</summary>
internal static class HtmlStyle
{
    public const string Sheet = """
        :root{color-scheme:light dark;--page:#f3f5f6;--panel:#fff;--sunken:#ebeff1;--line:#dbe0e4;--ink:#10161d;--ink2:#414c57;
        --ink3:#5a6671;--fail:#a3161f}
        @media screen and (prefers-color-scheme:dark){:root{--page:#0e1216;--panel:#151a20;--sunken:#1c232a;--line:#29313a;--ink:#e8edf1;
        --ink2:#b6c0c9;--ink3:#939fab;--fail:#ff9c96}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);font:14px/20px -apple-system,Segoe UI,Roboto,Noto Sans,system-ui,sans-serif;
        font-variant-numeric:tabular-nums}
        header,main,footer{max-width:1200px;margin:0 auto;padding:16px}
        h1{font-size:22px;line-height:28px;margin:0 0 8px;font-weight:600}
        h1 .id,code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
        h1 .id{font-weight:400;color:var(--ink2);font-size:15px}
        h2{font-size:17px;line-height:24px;margin:0 0 12px;font-weight:600}h3{font-size:15px;margin:0 0 8px;font-weight:600}
        .kicker,.note,footer{color:var(--ink3);font-size:12px;margin:0}.lead{font-size:17px;line-height:25px;margin:0 0 8px;max-width:75ch}
        section{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:16px;margin:0 0 16px}
        section p,section ul{max-width:85ch}
        .counts{display:flex;gap:24px;margin:0 0 12px;flex-wrap:wrap}.counts dt{color:var(--ink3);font-size:12px}
        .counts dd{margin:0;font-size:18px;line-height:24px}
        .scroll{overflow-x:auto;margin:0 0 12px}
        table{border-collapse:collapse;font-size:13px;line-height:18px}
        caption{text-align:left;color:var(--ink3);font-size:12px;padding:0 0 6px}
        th,td{padding:4px 10px 4px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:anywhere}
        thead th{color:var(--ink2);font-weight:600;vertical-align:bottom}tbody th{font-weight:500;white-space:nowrap}
        td.n,th.n{text-align:right;white-space:nowrap;padding-left:10px}
        .unit{display:block;font-weight:400;color:var(--ink3);font-size:12px}
        #results td,#results tbody th{white-space:nowrap}
        .missing{color:var(--ink3)}abbr{cursor:help}
        #figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:0 24px}#figures h2{grid-column:1/-1}
        figure{margin:0 0 24px;min-width:0}.plot{overflow-x:auto}.plot svg{max-width:100%;height:auto;display:block}
        figcaption{color:var(--ink2);max-width:80ch;margin:8px 0}
        details{margin:4px 0}summary{cursor:pointer;color:var(--ink2)}
        pre{background:var(--sunken);padding:12px;border-radius:3px;overflow-x:auto;white-space:pre-wrap}
        .skip{position:absolute;left:-9999px}.skip:focus{left:8px;top:8px;background:var(--panel);padding:8px}
        :focus-visible{outline:2px solid var(--ink);outline-offset:2px}
        .paper{display:none}
        @page{size:A4 landscape;margin:12mm}
        @media print{body{background:#fff;font-size:9pt}header,main,footer{max-width:none;padding:0}section{border:0;padding:0}
        figure,tr{break-inside:avoid}thead{display:table-header-group}.skip,.screen{display:none}.paper{display:block}
        .paper table{margin:0 0 6mm;width:100%}.scroll{overflow:visible}table{font-size:8pt;line-height:11pt;max-width:100%}
        #results td,#results tbody th,td.n,th.n{padding-left:4px;padding-right:4px;white-space:normal}
        .plot svg{max-height:150mm}}
        @media (max-width:599px){header,main,footer{padding:12px}section{padding:12px}}
        """;
}
