// Two reports beside each other: which kernels changed.

// Pairs of what stands in both lists in one order, as many as there can be; null for what has no partner.
const paired = (left, right, keyOf) => {
  const [a, b] = [left.map(keyOf), right.map(keyOf)];
  const best = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; --i) {
    for (let j = b.length - 1; j >= 0; --j) {
      best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) pairs.push([left[i++], right[j++]]);
    else if (j === b.length || (i < a.length && best[i + 1][j] >= best[i][j + 1])) pairs.push([left[i++], null]);
    else pairs.push([null, right[j++]]);
  }
  return pairs;
};

const opsText = (kernel) => kernel.ops.map((op) => `${op.op} ${op.place} ${op.module} ${op.times}`).join('\n');

// What is different in a pair, in words.
const changesOf = ([before, after], [one, other]) => {
  if (!before) return ['new'];
  if (!after) return ['gone'];
  const changes = [];
  if (opsText(before) !== opsText(after)) changes.push('ops');
  if (before.choices.join() !== after.choices.join()) changes.push('choice');
  if (before.flops !== after.flops) changes.push('flops');
  if (before.bytes !== after.bytes) changes.push('bytes');
  for (const kind of Object.keys(before.texts).filter((each) => each in after.texts)) {
    if (one.text(before, kind) !== other.text(after, kind)) changes.push(kTextNames[kind] ?? kind);
  }
  return changes;
};

const timeText = (kernel) => (kernel && reached(kernel) ? duration(1e9 * reached(kernel).seconds) : '–');

const tabCompare = {
  name: 'Compare',
  isFor: () => reports.length === 2,

  show(content, view) {
    const other = reports[1 - reports.indexOf(view.facts.report)].functions.find((each) => each.name === view.facts.name);
    const [one, two] = reports[0] === view.facts.report ? [view.facts, other] : [other, view.facts];
    if (!one || !two) {
      content.append(element('p', {}, `One of the reports alone has ${view.facts.name}.`));
      return;
    }
    const pairs = paired(one.kernels, two.kernels, (kernel) => kernel.name)
      .map((pair) => ({ pair, changes: changesOf(pair, [one, two]) }));
    const changed = pairs.filter(({ changes }) => changes.length > 0);
    const details = element('div', { class: 'beside' });
    const sum = (facts) => (facts.nanoseconds > 0 ? `, ${duration(facts.nanoseconds)} in kernels while profiled` : '');
    content.append(element('h2', {}, `${one.name}: ${one.report.title} and ${two.report.title}`),
      element('p', {}, `${one.kernels.length} and ${two.kernels.length} kernels, ${changed.length} of them changed${sum(one)}${sum(two)}`),
      element('table', { id: 'changes' }, element('tr', {}, ...['before', 'after', 'kernel', 'what changed'].map((name) => element('th', {}, name)),
        element('th', { class: 'number' }, 'time before'), element('th', { class: 'number' }, 'after')),
      ...pairs.map(({ pair: [before, after], changes }) => element('tr', {
        'data-kernel': (after ?? before).number, class: !before ? 'new' : !after ? 'gone' : changes.length > 0 ? 'changed' : undefined,
        onclick: () => {
          details.replaceChildren(...[[before, one], [after, two]].map(([kernel, facts]) => element('div', {},
            ...(kernel ? [element('h2', {}, kernel.name), element('p', { class: 'mono' }, kernel.choices.join(', ')),
              element('pre', {}, facts.text(kernel, 'loops'))] : [element('h2', {}, 'not there')]))));
          details.scrollIntoView({ behavior: 'smooth' });
        } },
      element('td', {}, before?.number ?? ''), element('td', {}, after?.number ?? ''), element('td', {}, (after ?? before).name),
      element('td', {}, changes.join(', ') || 'nothing'), element('td', { class: 'number' }, timeText(before)),
      element('td', { class: 'number' }, timeText(after))))), details);
  },
};
