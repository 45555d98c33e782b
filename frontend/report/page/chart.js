// Axes for what is drawn over them.

// Round numbers from low to high, about `count` of them.
const ticks = (low, high, count) => {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const all = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) all.push(i * step);
  return all;
};
const powers = (low, high) => {
  const all = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * 1.0001; ++power) all.push(10 ** power);
  return all;
};

class Scale {
  constructor(low, high, from, to, isLog = false) {
    this.isLog = isLog;
    [this.low, this.high] = low < high ? [low, high] : isLog ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
    this.from = from;
    this.to = to;
  }
  of(value) {
    const [low, high, at] = [this.low, this.high, value].map((each) => (this.isLog ? Math.log10(each) : each));
    return this.from + (at - low) / (high - low) * (this.to - this.from);
  }
  value(at) { return this.low + (at - this.from) / (this.to - this.from) * (this.high - this.low); }
  ticks(count) { return this.isLog ? powers(this.low, this.high) : ticks(this.low, this.high, count); }
}

// A drawing with both axes; `x` and `y` are Scales, `text` says a number of each.
const chart = ({ width, height, x, y, xName, yName, xText = String, yText = String }) => {
  const svg = shape('svg', { class: 'chart', width, height, viewBox: `0 0 ${width} ${height}` });
  for (const at of y.ticks(5)) {
    svg.append(shape('line', { class: 'grid', x1: x.from, x2: x.to, y1: y.of(at), y2: y.of(at) }),
      shape('text', { x: x.from - 6, y: y.of(at) + 4, 'text-anchor': 'end' }, yText(at)));
  }
  for (const at of x.ticks(Math.max(2, Math.floor((x.to - x.from) / 90)))) {
    svg.append(shape('line', { class: 'grid', x1: x.of(at), x2: x.of(at), y1: y.from, y2: y.to }),
      shape('text', { x: x.of(at), y: y.from + 16, 'text-anchor': 'middle' }, xText(at)));
  }
  svg.append(shape('line', { class: 'axis', x1: x.from, x2: x.to, y1: y.from, y2: y.from }),
    shape('line', { class: 'axis', x1: x.from, x2: x.from, y1: y.from, y2: y.to }),
    shape('text', { x: (x.from + x.to) / 2, y: y.from + 33, 'text-anchor': 'middle' }, xName),
    shape('text', { x: x.from, y: y.to - 8, 'text-anchor': 'start' }, yName));
  return svg;
};
