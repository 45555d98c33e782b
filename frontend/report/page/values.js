// Numbers as people read them, and elements of the page.

// "1.25 kflop"
const withPrefix = (value, unit) => {
  if (!(value > 0)) return `0 ${unit}`;
  for (const [size, prefix] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${prefix}${unit}`;
  }
  return `${Number(value.toPrecision(3))} ${unit}`;
};

const duration = (nanoseconds) => {
  for (const [size, unit] of [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']]) {
    if (nanoseconds >= size) return `${Number((nanoseconds / size).toPrecision(3))} ${unit}`;
  }
  return `${Number(nanoseconds.toPrecision(3))} ns`;
};

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

const counted = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;

// Text so short that it is at most so many characters.
const shortened = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
};

const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

const shape = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

const byId = (id) => document.getElementById(id);
