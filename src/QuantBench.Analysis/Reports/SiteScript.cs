namespace QuantBench.Analysis.Reports;

/// <summary>The one script of a published site: sorts and narrows tables. Without it they read as they are.</summary>
internal static class SiteScript
{
    /// <summary>Name of its file.</summary>
    public const string File = "site.js";

    public const string Text = """
        'use strict';
        // A click on a head sorts by it; a text above a table keeps the rows that have each of its words.
        for (const table of document.querySelectorAll('table.sortable')) {
          const body = table.tBodies[0];
          const value = (row, i) => {
            const v = row.cells[i].dataset.v;
            return v === undefined ? row.cells[i].textContent.trim() : Number(v);
          };
          [...table.tHead.rows[0].cells].forEach((head, i) => {
            head.tabIndex = 0;
            const sort = () => {
              const down = head.getAttribute('aria-sort') === 'ascending';
              for (const other of head.parentNode.cells) other.removeAttribute('aria-sort');
              head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
              const numbers = [...body.rows].some(r => r.cells[i].dataset.v !== undefined);
              const rows = [...body.rows].sort((a, b) => {
                const [x, y] = [value(a, i), value(b, i)];
                if (numbers && (typeof x === 'string') !== (typeof y === 'string')) return typeof x === 'string' ? 1 : -1;
                const by = typeof x === 'string' ? x.localeCompare(y) : x - y;
                return down ? -by : by;
              });
              body.append(...rows);
            };
            head.addEventListener('click', sort);
            head.addEventListener('keydown', e => { if (e.key === 'Enter') sort(); });
          });
          const filter = document.createElement('input');
          filter.type = 'search';
          filter.placeholder = 'filter';
          filter.setAttribute('aria-label', 'Filter rows');
          filter.addEventListener('input', () => {
            const words = filter.value.toLowerCase().split(/\s+/).filter(w => w);
            for (const row of body.rows) row.hidden = !words.every(w => row.textContent.toLowerCase().includes(w));
          });
          (table.closest('.scroll') ?? table).before(filter);
        }
        """;
}
