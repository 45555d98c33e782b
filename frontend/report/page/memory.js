// What lies where in the arena while a call goes on: a rectangle for each value, from the kernel that makes it to the
// last that reads it.
const tabMemory = {
  name: 'Memory',

  show(content, view) {
    const { facts } = view;
    this.values = facts.slots.filter((slot) => slot.kind === 'arena');
    content.append(element('h2', {}, `Memory of ${facts.name}`),
      element('p', {}, `${withPrefix(facts.arena, 'B')} for what lives between kernels; inputs, outputs and state are besides.`));
    if (this.values.length === 0) return;
    const makers = new Map();  // by slot
    for (const kernel of facts.kernels) {
      for (const { slot, written } of kernel.arguments) if (written && !makers.has(facts.slots[slot])) makers.set(facts.slots[slot], kernel);
    }
    const last = Math.max(...this.values.map((slot) => slot.last), ...facts.launches.map((launch) => launch.step));
    const width = Math.max(700, Math.min(1500, content.clientWidth - 40));
    const x = new Scale(1, last + 1, 84, width - 20);
    const y = new Scale(0, facts.arena, 430, 26);
    const svg = chart({ width, height: 470, x, y, xName: 'step of a call', yName: 'place in the arena',
      yText: (bytes) => withPrefix(bytes, 'B'), xText: (step) => (Number.isInteger(step) ? String(step) : '') });
    this.drawn = this.values.map((slot) => {
      const kernel = makers.get(slot);
      return shape('rect', { class: 'life', x: x.of(slot.first), y: y.of(slot.offset + slot.bytes),
        width: Math.max(1, x.of(slot.last + 1) - x.of(slot.first)), height: Math.max(0.8, y.of(slot.offset) - y.of(slot.offset + slot.bytes)),
        fill: colourOf(kernel?.anchor), 'data-kernel': kernel?.number },
      shape('title', {}, `${slot.name}\n${slot.origin}\n${withPrefix(slot.bytes, 'B')}, steps ${slot.first} to ${slot.last}`));
    });
    const now = shape('line', { class: 'now', y1: y.from, y2: y.to });
    svg.append(...this.drawn, now);
    const list = element('div', { id: 'alive' });
    const show = (step) => {
      now.setAttribute('x1', x.of(step + 0.5));
      now.setAttribute('x2', x.of(step + 0.5));
      list.replaceChildren(...this.alive(facts, makers, step, view));
    };
    svg.addEventListener('click', (event) => {
      const at = (event.clientX - svg.getBoundingClientRect().left) * width / svg.getBoundingClientRect().width;
      show(Math.min(last, Math.max(1, Math.floor(x.value(at)))));
    });
    content.append(svg, element('p', { class: 'faint' }, 'A click shows what is alive at that step.'), list);
    show(this.busiest(last));
    if (view.kernel) this.select(view.kernel);
  },

  aliveAt(step) { return this.values.filter((slot) => slot.first <= step && step <= slot.last); },
  busiest(last) {
    let best = 1, most = -1;
    for (let step = 1; step <= last; ++step) {
      const bytes = this.aliveAt(step).reduce((sum, slot) => sum + slot.bytes, 0);
      if (bytes > most) [best, most] = [step, bytes];
    }
    return best;
  },

  alive(facts, makers, step, view) {
    const slots = this.aliveAt(step).sort((a, b) => b.bytes - a.bytes);
    const launched = facts.launches.find((launch) => launch.step === step);
    const bytes = slots.reduce((sum, slot) => sum + slot.bytes, 0);
    return [element('h2', {}, `Step ${step}: ${withPrefix(bytes, 'B')} alive${launched ? `, as kernel ${launched.kernel} runs` : ''}`),
      element('table', {}, element('tr', {}, element('th', { class: 'number' }, 'bytes'), element('th', {}, 'made by'),
        element('th', {}, 'line and module'), element('th', {}, 'steps')),
      ...slots.map((slot) => element('tr', { 'data-kernel': makers.get(slot)?.number ?? '', onclick: () => view.select(makers.get(slot)) },
        element('td', { class: 'number' }, withPrefix(slot.bytes, 'B')), element('td', {}, slot.name),
        element('td', {}, slot.origin, element('div', { class: 'mono faint' }, facts.source(slot.origin.split(', in ')[0]))), element('td', {}, `${slot.first} to ${slot.last}`))))];
  },

  select(kernel) {
    for (const life of this.drawn ?? []) life.classList.toggle('selected', life.dataset.kernel === String(kernel.number));
  },
};
