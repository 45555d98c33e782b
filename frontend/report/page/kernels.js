// All kernels as a table, and where they are below the roof.
const kColumns = [
  { name: '#', of: (kernel) => kernel.number, isNumber: true },
  { name: 'kernel', of: (kernel) => kernel.name,
    show: (kernel) => element('span', {}, kernel.name, element('div', { class: 'mono faint' }, kernel.source)) },
  { name: 'kind', of: (kernel) => kernel.anchor, show: (kernel) => chip(kernel.anchor) },
  { name: 'flop', of: (kernel) => kernel.flops, show: (kernel) => withPrefix(kernel.flops, 'flop'), isNumber: true },
  { name: 'bytes', of: (kernel) => kernel.bytes, show: (kernel) => withPrefix(kernel.bytes, 'B'), isNumber: true },
  { name: 'units', of: (kernel) => kernel.units, isNumber: true },
];
const kTimeColumns = [
  { name: 'a launch', of: (kernel) => reached(kernel)?.seconds ?? 0, isNumber: true,
    show: (kernel) => (reached(kernel) ? duration(1e9 * reached(kernel).seconds) : '–') },
  { name: 'share', of: (kernel) => kernel.time?.nanoseconds ?? 0, isNumber: true, show: (kernel, facts) => percent(facts.share([kernel])) },
  { name: 'flop/s', of: (kernel) => reached(kernel)?.flops ?? 0, isNumber: true, show: (kernel) => withPrefix(reached(kernel)?.flops, 'flop/s') },
];

const tabKernels = {
  name: 'Kernels',
  by: null,

  show(content, view) {
    const { facts } = view;
    const columns = facts.nanoseconds > 0 ? [...kColumns, ...kTimeColumns] : kColumns;
    const by = columns.find((column) => column.name === this.by) ?? columns[facts.nanoseconds > 0 ? columns.length - 2 : 0];
    const factor = by.name === '#' || !by.isNumber ? 1 : -1;
    const compare = (a, b) => factor * (by.isNumber ? by.of(a) - by.of(b) : by.of(a).localeCompare(by.of(b)));
    const sort = (column) => {
      this.by = column.name;
      content.replaceChildren();
      this.show(content, view);
    };
    const kind = (column) => (column.isNumber ? 'number' : undefined);
    content.append(element('h2', {}, 'Roofline'), roofline(view),
      element('h2', {}, `${counted(facts.kernels.length, 'kernel')} of ${facts.name}`),
      element('table', { id: 'kernels' }, element('tr', {}, ...columns.map((column) =>
        element('th', { class: kind(column), 'data-sort': column.name, onclick: () => sort(column) },
          column.name + (column === by ? ' ▾' : '')))),
      ...[...facts.kernels].sort(compare).map((kernel) => element('tr', { 'data-kernel': kernel.number,
        class: kernel === view.kernel ? 'selected' : undefined, onclick: () => view.select(kernel) },
      ...columns.map((column) => element('td', { class: kind(column) }, column.show?.(kernel, facts) ?? column.of(kernel)))))));
    this.content = content;
  },

  select(kernel) {
    for (const row of this.content.querySelectorAll('tr[data-kernel]')) {
      row.classList.toggle('selected', row.dataset.kernel === String(kernel.number));
    }
  },
};
