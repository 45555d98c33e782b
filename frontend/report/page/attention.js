// Matrices over words, a head of attention each, and how they changed as training went on.

const kCell = 24;

// Weights from white to blue; what has fallen since another moment red, what has risen blue.
const shadeOf = (value) => `rgb(${[31, 95, 191].map((each) => Math.round(255 - (255 - each) * Math.min(1, value))).join(',')})`;
const changeOf = (value) => {
  const to = value < 0 ? [190, 40, 30] : [31, 95, 191];
  return `rgb(${to.map((each) => Math.round(255 - (255 - each) * Math.min(1, Math.abs(value)))).join(',')})`;
};

const heatMap = (maps, number, valueAt, isChange) => {
  const wide = 7.5 * Math.max(...maps.rows.map((row) => row.length)) + 10;
  const high = 7 * Math.max(...maps.columns.map((column) => column.length)) + 10;
  const svg = shape('svg', { width: wide + maps.columns.length * kCell + 4, height: high + maps.rows.length * kCell + 26 });
  svg.append(shape('text', { x: wide, y: high + maps.rows.length * kCell + 20, 'font-weight': 600 }, `head ${number + 1}`));
  maps.columns.forEach((column, c) => {
    const x = wide + c * kCell + kCell / 2 + 4;
    svg.append(shape('text', { x, y: high - 6, transform: `rotate(-60 ${x} ${high - 6})` }, column));
  });
  maps.rows.forEach((row, r) => {
    svg.append(shape('text', { x: wide - 6, y: high + r * kCell + 16, 'text-anchor': 'end' }, row));
    maps.columns.forEach((column, c) => {
      const value = valueAt(r, c);
      svg.append(shape('rect', { x: wide + c * kCell, y: high + r * kCell, width: kCell - 1, height: kCell - 1,
        fill: isChange ? changeOf(value) : shadeOf(value), stroke: '#e3e7ec' },
      shape('title', {}, `${row} → ${column}: ${isChange && value > 0 ? '+' : ''}${value.toFixed(3)}`)));
    });
  });
  return svg;
};

const showMaps = (maps) => {
  const last = maps.moments.length - 1;
  const drawn = element('div', { class: 'maps' });
  const name = element('b');
  const hint = element('p', { class: 'faint' });
  const slider = element('input', { type: 'range', min: 0, max: last, value: last, 'aria-label': 'moment' });
  const against = element('select', { 'aria-label': 'show' }, element('option', { value: 'none' }, 'weights'),
    ...(last > 0 ? [element('option', { value: 'before' }, 'change since the moment before'),
      element('option', { value: 'first' }, `change since ${maps.moments[0].name}`)] : []));
  const draw = () => {
    const at = Number(slider.value);
    const moment = maps.moments[at];
    const other = against.value === 'none' ? null : maps.moments[against.value === 'first' ? 0 : Math.max(0, at - 1)];
    const cells = maps.rows.length * maps.columns.length;
    name.textContent = moment.name;
    hint.textContent = 'A row is what one word takes from each of the others: ' +
      (other ? 'blue is more than before, red less.' : 'the darker, the more.');
    drawn.replaceChildren(...Array.from({ length: moment.maps }, (_, map) => heatMap(maps, map, (row, column) => {
      const place = map * cells + row * maps.columns.length + column;
      return moment.values[place] - (other ? other.values[place] : 0);
    }, other !== null)));
  };
  slider.addEventListener('input', draw);
  against.addEventListener('change', draw);
  draw();
  return element('section', {}, element('h2', {}, maps.name),
    hint, element('div', { class: 'row' }, slider, name, against), drawn);
};

const tabAttention = {
  name: 'Attention',
  isFor: (report) => report.heat_maps.some((maps) => maps.moments.length > 0),

  show(content, view) {
    content.append(...view.facts.report.heat_maps.filter((maps) => maps.moments.length > 0).map(showMaps));
  },
};
