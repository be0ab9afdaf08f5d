// The page's own script: starts Blazor, moves through grids by arrows, copies, sends filters when they change. No page needs it to be read.
(() => {
  'use strict';

  Blazor.start({
    circuit: {
      reconnectionOptions: { maxRetries: 1000, retryIntervalMilliseconds: n => Math.min(500 + 500 * n, 5000) },
    },
  });

  // A server that was restarted doesn't know the circuit: the page is fetched again, at the same address.
  document.getElementById('components-reconnect-modal')?.addEventListener('components-reconnect-state-changed', e => {
    if (e.detail.state === 'rejected' || e.detail.state === 'failed') setTimeout(() => location.reload(), 300);
  });

  const send = form => form.requestSubmit();
  const timers = new WeakMap();
  const later = (form, ms) => { clearTimeout(timers.get(form)); timers.set(form, setTimeout(() => send(form), ms)); };

  document.addEventListener('change', e => {
    const form = e.target.closest('form[data-auto]');
    if (form && !e.target.matches('input[type=search]')) send(form);
  });

  document.addEventListener('input', e => {
    const twin = e.target.dataset?.twin && document.getElementById(e.target.dataset.twin);
    if (twin) {
      const log = e.target.dataset.log !== undefined;
      twin.value = !log ? e.target.value
        : e.target.type === 'range' ? Number((10 ** e.target.value).toPrecision(3)) : Math.log10(Math.max(e.target.value, 1e-9));
    }
    const form = e.target.closest('form[data-auto]');
    if (form && e.target.matches('input[type=search]')) later(form, 300);
  });

  document.addEventListener('submit', e => {
    const form = e.target;
    if (form.dataset?.confirm && !confirm(form.dataset.confirm)) { e.preventDefault(); e.stopImmediatePropagation(); return; }
    // Addresses stay short: what is empty is left out.
    if (form.method === 'get') {
      for (const field of form.elements) if (field.name && field.value === '') field.disabled = true;
      setTimeout(() => { for (const field of form.elements) field.disabled = false; }, 0);
    }
  }, true);

  document.addEventListener('click', async e => {
    const copy = e.target.closest('[data-copy]');
    if (!copy) return;
    await navigator.clipboard?.writeText(copy.dataset.copy);
    copy.textContent = 'Copied';
  });

  // Grids: one tab stop, arrows move, Enter follows the cell's link, Escape closes the drawer and returns.
  document.addEventListener('keydown', e => {
    if (e.key === '/' && !e.target.matches('input,textarea,select')) {
      const search = document.querySelector('#search');
      if (search && search.offsetParent) { e.preventDefault(); search.focus(); }
      return;
    }

    const grid = e.target.closest?.('[role=grid]');
    if (e.key === 'Escape') {
      const close = document.querySelector('.drawer [data-close]');
      if (close) { e.preventDefault(); sessionStorage.setItem('qb-return', close.dataset.close); close.click(); }
      return;
    }

    if (!grid) return;
    const rows = [...grid.querySelectorAll('tbody tr')].map(r => [...r.querySelectorAll('a.cell')]).filter(r => r.length);
    let y = rows.findIndex(r => r.includes(e.target));
    if (y < 0) return;
    let x = rows[y].indexOf(e.target);
    const to = {
      ArrowRight: [y, x + 1],
      ArrowLeft: [y, x - 1],
      ArrowDown: [y + 1, x],
      ArrowUp: [y - 1, x],
      Home: [e.ctrlKey ? 0 : y, 0],
      End: [e.ctrlKey ? rows.length - 1 : y, 1e6],
    }[e.key];
    if (!to) return;
    e.preventDefault();
    y = Math.max(0, Math.min(rows.length - 1, to[0]));
    x = Math.max(0, Math.min(rows[y].length - 1, to[1]));
    e.target.tabIndex = -1;
    rows[y][x].tabIndex = 0;
    rows[y][x].focus();
  });

  // On paper nothing can be unfolded.
  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...document.querySelectorAll('main details:not([open])')];
    for (const d of folded) d.open = true;
  });
  addEventListener('afterprint', () => { for (const d of folded) d.open = false; });

  // A refreshed page keeps what was unfolded and where the reader was.
  const open = new Set();
  document.addEventListener('toggle', e => {
    if (e.target.tagName !== 'DETAILS' || !e.target.id) return;
    if (e.target.open) open.add(location.pathname + e.target.id); else open.delete(location.pathname + e.target.id);
  }, true);
  Blazor.addEventListener('enhancedload', () => {
    for (const d of document.querySelectorAll('details[id]')) if (open.has(location.pathname + d.id)) d.open = true;
    const back = sessionStorage.getItem('qb-return');
    if (back) { sessionStorage.removeItem('qb-return'); document.getElementById(back)?.focus(); }
    const moved = document.querySelector('[data-focus]');
    if (moved && moved.dataset.focus !== document.body.dataset.focused) {
      document.body.dataset.focused = moved.dataset.focus;
      if (matchMedia('(max-width:1199px)').matches) moved.focus();
    }
  });
})();
