// All that is known of one kernel.

const chip = (anchor) =>
  element('span', { class: 'chip', style: `background: ${colourOf(anchor)}2e; border-left: 5px solid ${colourOf(anchor)}` }, anchor);

const figure = (value, name) => element('div', {}, element('b', {}, value), element('span', {}, name));

const figuresOf = (facts, kernel) => {
  const all = [figure(withPrefix(kernel.flops, 'flop'), 'a launch'), figure(withPrefix(kernel.bytes, 'B'), 'moved at least'),
    figure(kernel.bytes > 0 ? Number((kernel.flops / kernel.bytes).toPrecision(3)) : '–', 'flop a byte'),
    figure(kernel.units, kernel.units === 1 ? 'unit of work' : 'units of work')];
  if (kernel.launches !== 1) all.push(figure(kernel.launches, 'launches a call'));
  const now = reached(kernel), roof = roofOf(facts);
  if (now) {
    all.push(figure(duration(1e9 * now.seconds), 'a launch, measured'), figure(percent(facts.share([kernel])), 'of the time'),
      figure(withPrefix(now.flops, 'flop/s'), 'reached'), figure(withPrefix(now.bytes, 'B/s'), 'reached'),
      figure(percent(Math.max(now.flops / roof.flops, now.bytes / roof.bytes)), 'of the roof'));
    if (kernel.time.threads > 0) {
      all.push(figure((kernel.time.threads / kernel.time.nanoseconds).toFixed(2), 'threads busy'));
    }
  }
  return element('div', { class: 'figures' }, ...all);
};

// Ops of one line that follow one another stand below it.
const opsOf = (facts, kernel) => element('table', { class: 'ops' },
  element('tr', {}, ...['op', 'line', 'module'].map((name) => element('th', {}, name))),
  ...kernel.ops.flatMap((op, i) => {
    const source = op.place === kernel.ops[i - 1]?.place ? '' : facts.source(op.place);
    return [source && element('tr', { class: 'source' }, element('td', { class: 'mono', colspan: 3 }, source)),
      element('tr', {}, element('td', {}, op.op + (op.times > 1 ? ` × ${op.times}` : '')),
        element('td', { class: 'mono' }, op.place), element('td', {}, op.module))];
  }));

const argumentsOf = (facts, kernel) => element('table', {},
  element('tr', {}, ...['', 'in the loops', 'value', 'size'].map((name) => element('th', {}, name))),
  ...kernel.arguments.map(({ buffer, slot, written }) => {
    const { kind, name, type, elements, bytes, origin } = facts.slots[slot];
    return element('tr', {}, element('td', {}, written ? 'writes' : 'reads'), element('td', { class: 'mono' }, buffer),
      element('td', {}, `${kind === 'arena' ? 'made by' : kind} ${name}${origin ? ` (${origin})` : ''}`),
      element('td', { class: 'number' }, `${type} × ${elements}, ${withPrefix(bytes, 'B')}`));
  }));

const kTextNames = { loops: 'Loops', llvm: 'LLVM IR', asm: 'Assembly', glsl: 'GLSL', spirv: 'SPIR-V' };

// Loops and code, one at a time; which one stays when another kernel is shown.
const textsOf = (facts, kernel, view) => {
  const kinds = Object.keys(kernel.texts);
  if (!kinds.includes(view.kind)) view.kind = kinds[0];
  const shown = element('pre', { id: 'code' });
  const buttons = kinds.map((kind) => element('button', { 'data-kind': kind, onclick: () => show(kind) }, kTextNames[kind] ?? kind));
  const show = (kind) => {
    view.kind = kind;
    shown.textContent = facts.text(kernel, kind);
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.kind === kind));
  };
  show(view.kind);
  return element('div', {}, element('div', { class: 'row', id: 'code-kinds' }, ...buttons), shown);
};

const linksTo = (facts, numbers, view) => element('p', {}, ...[...numbers].flatMap((number) => [
  element('button', { onclick: () => view.select(facts.kernels[number]) },
    `${number} ${shortened(facts.kernels[number].name, 42)}`), ' ']));

const showKernel = (aside, view) => {
  const { facts, kernel } = view;
  if (!kernel) return aside.replaceChildren();
  const part = (name, ...what) => [element('h2', {}, name), ...what];
  aside.replaceChildren(...[
    element('button', { class: 'close', title: 'Close', onclick: () => view.select(null) }, '×'),
    element('h1', {}, `${kernel.number} ${kernel.name}`),
    element('p', {}, chip(kernel.anchor), ' ', element('span', { class: 'faint' }, kernel.part)),
    kernel.source && element('pre', { class: 'source' }, kernel.source),
    figuresOf(facts, kernel),
    ...part('Schedule, and what it chose', ...(kernel.choices.length > 0 ? kernel.choices : ['nothing to choose']).map(
      (choice) => element('p', { class: 'mono' }, choice))),
    ...part('Loops and code', textsOf(facts, kernel, view)),
    ...part(`Ops, ${kernel.ops.reduce((sum, op) => sum + op.times, 0)}`, opsOf(facts, kernel)),
    ...(kernel.apart.length > 0 ? part('Why it is a kernel of its own', ...kernel.apart.map((why) => element('p', {}, why))) : []),
    ...part('Values', argumentsOf(facts, kernel)),
    ...(kernel.from.size > 0 ? part('Needs', linksTo(facts, kernel.from, view)) : []),
    ...(kernel.to.size > 0 ? part('Is needed by', linksTo(facts, kernel.to, view)) : []),
  ]);
  aside.scrollTop = 0;
  return undefined;
};
