// Kernels by their flops for each byte and what they reach of them, below what memory and arithmetic allow.
const roofline = (view) => {
  const roof = roofOf(view.facts);
  const timed = view.facts.kernels.filter((kernel) => reached(kernel)?.flops > 0);
  if (!roof || timed.length === 0) {
    return element('p', { class: 'faint' },
      'No kernel has been timed: start a profile before the report is made to see how far each is from the roof.');
  }
  const intensities = timed.map((kernel) => kernel.flops / kernel.bytes);
  const rates = timed.map((kernel) => reached(kernel).flops);
  const ridge = roof.flops / roof.bytes;
  const low = Math.min(ridge, ...intensities) / 2, high = Math.max(ridge, ...intensities) * 2;
  const x = new Scale(low, high, 80, 700, true);
  const y = new Scale(Math.max(Math.min(...rates) / 2, roof.flops * 1e-6), roof.flops * 2, 270, 26, true);
  const svg = chart({ width: 730, height: 310, x, y, xName: 'flop a byte', yName: 'flop/s', yText: (v) => withPrefix(v, '') });
  const at = (intensity) => `${x.of(intensity)},${y.of(Math.max(y.low, Math.min(roof.flops, roof.bytes * intensity)))}`;
  svg.append(shape('polyline', { points: [low, ridge, high].map(at).join(' '), fill: 'none', stroke: '#333', 'stroke-width': 1.5 }));
  timed.forEach((kernel) => {
    const share = view.facts.share([kernel]);
    svg.append(shape('circle', { cx: x.of(kernel.flops / kernel.bytes), cy: y.of(Math.max(y.low, reached(kernel).flops)),
      r: 4 + 14 * Math.sqrt(share), fill: colourOf(kernel.anchor), 'fill-opacity': 0.55, stroke: colourOf(kernel.anchor),
      'data-kernel': kernel.number, style: 'cursor: pointer', onclick: () => view.select(kernel) },
    shape('title', {}, `${kernel.number} ${kernel.name}\n${withPrefix(reached(kernel).flops, 'flop/s')}, ${percent(share)} of the time`)));
  });
  return element('div', {}, svg, element('p', { class: 'faint' },
    `The roof: ${withPrefix(roof.flops, 'flop/s')} and ${withPrefix(roof.bytes, 'B/s')}, ${roof.source}. ` +
    'A circle is a kernel, the larger the more time it takes; a click shows it.'));
};
