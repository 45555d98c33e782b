// Measures as training went on, a chart for each.
const kCurveColours = ['#1f5fbf', '#c4514d', '#3d9358', '#8a56b0', '#d98a2b', '#2a9aa0'];

const curveChart = (curve, colour) => {
  const points = curve.points.filter(([, value]) => value !== null);
  const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
  const x = new Scale(Math.min(...xs), Math.max(...xs), 64, 440);
  const y = new Scale(Math.min(...ys), Math.max(...ys), 220, 26);
  const svg = chart({ width: 460, height: 262, x, y, xName: curve.along, yName: curve.name,
    xText: (at) => (Number.isInteger(at) ? String(at) : ''), yText: (at) => String(Number(at.toPrecision(4))) });
  svg.append(shape('polyline', { class: 'curve', stroke: colour, points: points.map(([a, b]) => `${x.of(a)},${y.of(b)}`).join(' ') }));
  for (const [at, value] of points.length <= 60 ? points : points.slice(-1)) {
    svg.append(shape('circle', { cx: x.of(at), cy: y.of(value), r: 3, fill: colour },
      shape('title', {}, `${curve.along} ${at}: ${value}`)));
  }
  return svg;
};

const tabTraining = {
  name: 'Training',
  isFor: (report) => report.curves.length > 0,

  show(content, view) {
    const curves = view.facts.report.curves.filter((curve) => curve.points.length > 0);
    content.append(element('h2', {}, 'Training'),
      element('div', { class: 'charts' }, ...curves.map((curve, i) => curveChart(curve, kCurveColours[i % kCurveColours.length]))));
  },
};
