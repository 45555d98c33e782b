// What the compiler told, and what follows from it at once. frontend/report/facts.cc says what there is.

const kColours = {
  contract: '#3f74b5',
  attention: '#8a56b0',
  attention_backward: '#5b3f9e',
  reduce: '#3d9358',
  map: '#d98a2b',
  together: '#2a9aa0',
  scatter: '#c4514d',
  concat: '#b0628f',
  sort: '#8b7a2f',
  top_k: '#6f8a3a',
  cumsum: '#4a8f7b',
  update: '#9a6a50',
};
const colourOf = (anchor) => kColours[anchor] ?? '#6b7785';

// Ops that only say where values lie are not what a kernel is for.
const kViews = new Set(['reshape', 'transpose', 'broadcast', 'slice', 'pad', 'concat', 'window', 'constant', 'iota']);
const kMainOps = { contract: /^contract/, attention: /^softmax|^contract/, attention_backward: /^softmax|^contract/, reduce: /^reduce|^argm/, scatter: /^scatter|^fold/ };

// The op that a kernel is there for.
const mainOf = ({ ops, anchor }) =>
  ops.find((op) => kMainOps[anchor]?.test(op.op)) ?? ops.find((op) => !kViews.has(op.op)) ?? ops[0];

class Facts {
  constructor(report, given) {
    Object.assign(this, given);
    this.report = report;
    this.kernels.forEach((kernel, number) => {
      kernel.number = number;
      const main = mainOf(kernel);
      kernel.home = main?.module ?? 'writes of state';  // as what can fail has been made elsewhere first
      kernel.source = this.source(main?.place);
      kernel.from = new Set();
      kernel.to = new Set();
    });
    this.connect();
    this.divide();
    const timed = this.kernels.filter((kernel) => kernel.time);
    this.nanoseconds = timed.reduce((sum, kernel) => sum + kernel.time.nanoseconds, 0);
    this.flops = this.kernels.reduce((sum, kernel) => sum + kernel.flops * kernel.launches, 0);
  }

  // Who reads what whom wrote.
  connect() {
    const writers = new Map();  // by slot, of what lies there now
    const read = new Set();
    for (const { kernel } of this.launches) {
      const now = this.kernels[kernel];
      for (const argument of now.arguments.filter((each) => !each.written)) {
        for (const writer of writers.get(argument.slot) ?? []) {
          if (writer === kernel) continue;
          now.from.add(writer);
          this.kernels[writer].to.add(kernel);
        }
        read.add(argument.slot);
      }
      for (const { slot } of now.arguments.filter((each) => each.written)) {
        writers.set(slot, read.has(slot) || !writers.has(slot) ? [kernel] : [...writers.get(slot), kernel]);
        read.delete(slot);
      }
    }
  }

  // A function that trains in two: modules come again in its backward half. It begins behind the place with most
  // modules on both sides, where one comes that was there before.
  divide() {
    const homes = this.launches.map(({ kernel }) => this.kernels[kernel].home);
    const trains = this.kernels.some((kernel) => kernel.arguments.some(
      ({ slot, written }) => written && this.slots[slot].kind === 'state'));
    const left = new Set(), right = new Map();
    for (const home of homes) right.set(home, (right.get(home) ?? 0) + 1);
    let most = 0, begin = homes.length, both = 0;
    homes.forEach((home, at) => {
      right.set(home, right.get(home) - 1);
      if (home === '') return;
      if (!left.has(home) && right.get(home) > 0) ++both;
      if (left.has(home) && right.get(home) === 0) --both;
      left.add(home);
      if (both > most) [most, begin] = [both, at + 1];
    });
    while (begin < homes.length && (homes[begin] === '' || homes.indexOf(homes[begin]) >= begin)) ++begin;
    this.isDivided = trains && most > 0 && begin < homes.length;
    this.launches.forEach(({ kernel }, at) => {
      this.kernels[kernel].part ??= !this.isDivided ? '' : at < begin ? 'forward' : 'backward and update';
    });
  }

  share(kernels) {
    if (this.nanoseconds > 0) {
      return kernels.reduce((sum, kernel) => sum + (kernel.time?.nanoseconds ?? 0), 0) / this.nanoseconds;
    }
    return kernels.reduce((sum, kernel) => sum + kernel.flops * kernel.launches, 0) / Math.max(this.flops, 1);
  }
  get shareOf() { return this.nanoseconds > 0 ? 'of the time' : 'of the flops'; }

  // What the user wrote at a place, where the file could be read.
  source(place) { return this.report.lines?.[place] ?? ''; }
  text(kernel, kind) { return this.report.texts[kernel.texts[kind]]; }
}

// What a kernel reached, in flop and bytes a second; nothing where no profile ran.
const reached = (kernel) => {
  if (!kernel.time || kernel.time.nanoseconds === 0) return undefined;
  const seconds = 1e-9 * kernel.time.nanoseconds / kernel.time.launches;
  return { seconds, flops: kernel.flops / seconds, bytes: kernel.bytes / seconds };
};

// The most that can be reached, and who says so.
const roofOf = (facts) => {
  const { peak_flops: flops, peak_bytes: bytes } = facts.report;
  if (flops > 0 && bytes > 0) return { flops, bytes, source: 'what this machine reaches' };
  const all = facts.kernels.map(reached).filter((each) => each);
  if (all.length === 0) return undefined;
  return {
    flops: Math.max(...all.map((each) => each.flops)),
    bytes: Math.max(...all.map((each) => each.bytes)),
    source: 'the highest that kernels here reached',
  };
};

// Where all words of the search stand in what is said of a kernel.
const textOf = (facts, kernel) => {
  kernel.words ??= [kernel.name, kernel.anchor, ...kernel.choices,
    ...kernel.ops.flatMap((op) => [op.op, op.place, op.module, facts.source(op.place)])].join(' ').toLowerCase();
  return kernel.words;
};
const search = (facts, text) => {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word);
  if (words.length === 0) return [];
  return facts.kernels.filter((kernel) => words.every((word) => textOf(facts, kernel).includes(word)));
};

const reports = JSON.parse(byId('reports').textContent);
for (const report of reports) report.functions = report.functions.map((given) => new Facts(report, given));
