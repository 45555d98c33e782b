// The kernels as a graph, folded by module; dagre.js says where the boxes go.

const kTitle = 12;  // room above a cluster
const kBox = { kernel: [184, 40], group: [190, 44], end: [120, 24] };

// The values that a function takes and gives, as boxes of their own.
const endsOf = (facts) => {
  const ends = new Map();  // by slot
  for (const kernel of facts.kernels) {
    for (const { slot, written } of kernel.arguments) {
      const { kind, name } = facts.slots[slot];
      if (kind !== (written ? 'output' : 'input')) continue;
      if (!ends.has(slot)) ends.set(slot, { isEnd: true, kind, name, kernels: [] });
      ends.get(slot).kernels.push(kernel);
    }
  }
  return [...ends.values()];
};

const sizeOf = (box) => kBox[box.isEnd ? 'end' : box instanceof Group ? 'group' : 'kernel'];

const partOf = (box) => (box.isEnd ? '' : (box instanceof Group ? box.all()[0] : box).part);

// Takes from the edges those to a box of the backward part that is reached from within that part too: most values are
// kept for it, and all their edges at once would hide the others.
const withoutFar = (edges) => {
  const comesFromInside = new Set();
  for (const { from, to } of edges.values()) if (partOf(to) !== '' && partOf(from) === partOf(to)) comesFromInside.add(to);
  const far = [];
  for (const [key, edge] of edges) {
    if (edge.to.isEnd || partOf(edge.from) === partOf(edge.to) || !comesFromInside.has(edge.to)) continue;
    far.push(edge);
    edges.delete(key);
  }
  return far;
};

// Boxes, clusters around them and edges, each with its place.
const laidOut = (facts, root) => {
  const boxes = new Map(), edges = new Map(), clusters = [];
  const idOf = (box) => {
    if (!boxes.has(box)) boxes.set(box, String(boxes.size));
    return boxes.get(box);
  };
  const connect = (from, to) => {
    if (from !== to) edges.set(`${idOf(from)}>${idOf(to)}`, { v: idOf(from), w: idOf(to), from, to });
  };
  for (const kernel of facts.kernels) {
    idOf(boxOf(kernel));
    for (const to of kernel.to) connect(boxOf(kernel), boxOf(facts.kernels[to]));
  }
  for (const end of endsOf(facts)) {
    for (const kernel of end.kernels) {
      end.kind === 'input' ? connect(end, boxOf(kernel)) : connect(boxOf(kernel), end);
    }
  }
  const far = withoutFar(edges);
  const clusterOf = (box) => (box.isEnd ? root : box instanceof Group ? box.above : box.group);
  const nodes = [...boxes].map(([box, v]) => {
    const [width, height] = sizeOf(box);
    const around = clusterOf(box);
    return { v, width, height, parent: around === root ? undefined : `in ${around.path}`, box };
  });
  for (const group of root.walk()) {
    const isShown = group !== root && group.isOpen && clusterOf(group).isOpen &&
      group.all().some((kernel) => boxOf(kernel) === kernel || boxOf(kernel).path.startsWith(`${group.path}/`));
    if (!isShown) continue;
    const cluster = { v: `in ${group.path}`, width: 0, height: 0,
      parent: group.above === root ? undefined : `in ${group.above.path}`, group };
    clusters.push(cluster);
  }
  const lines = [...edges.values()].map((edge) => ({ ...edge, minlen: 1, weight: 1, width: 0, height: 0 }));
  dagre.layout([...nodes, ...clusters], lines, { nodesep: 26, ranksep: 40, edgesep: 12 }, {});
  return { nodes, clusters, lines, far };
};

const curveThrough = (points) => {
  let path = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length - 1; ++i) {
    const next = i === points.length - 2 ? points[i + 1]
      : { x: (points[i].x + points[i + 1].x) / 2, y: (points[i].y + points[i + 1].y) / 2 };
    path += `Q${points[i].x},${points[i].y} ${next.x},${next.y}`;
  }
  return points.length === 2 ? `${path}L${points[1].x},${points[1].y}` : path;
};

// What is seen of a drawing: dragged with the pointer, zoomed with the wheel.
class Sight {
  constructor(svg, content) {
    this.svg = svg;
    this.content = content;
    this.at = { x: 0, y: 0, zoom: 1 };
    svg.addEventListener('wheel', (event) => {
      event.preventDefault();
      const frame = svg.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
    svg.addEventListener('pointerdown', (event) => {
      const start = { x: event.clientX - this.at.x, y: event.clientY - this.at.y };
      const move = (now) => this.set({ ...this.at, x: now.clientX - start.x, y: now.clientY - start.y });
      const end = () => {
        window.removeEventListener('pointermove', move);
        window.removeEventListener('pointerup', end);
      };
      window.addEventListener('pointermove', move);
      window.addEventListener('pointerup', end);
    });
  }

  set(at) {
    this.at = at;
    this.content.setAttribute('transform', `translate(${at.x},${at.y}) scale(${at.zoom})`);
  }
  zoom(by, x = this.svg.clientWidth / 2, y = this.svg.clientHeight / 2) {
    const zoom = Math.min(4, Math.max(0.05, this.at.zoom * by));
    const scale = zoom / this.at.zoom;
    this.set({ x: x - (x - this.at.x) * scale, y: y - (y - this.at.y) * scale, zoom });
  }
  // All of it where that can be read, else its upper part around a column.
  fit(box, top, column) {
    const { clientWidth: width, clientHeight: height } = this.svg;
    const zoom = Math.min(1.1, Math.max(0.8, Math.min((width - 40) / box.width, (height - top - 30) / box.height)));
    const middle = box.width * zoom <= width ? box.x + box.width / 2 : column;
    this.set({ zoom, x: width / 2 - middle * zoom, y: top - box.y * zoom });
  }
  centre(x, y) {
    const { zoom } = this.at;
    this.set({ zoom, x: this.svg.clientWidth / 2 - x * zoom, y: this.svg.clientHeight / 2 - y * zoom });
  }
}

const tabGraph = {
  name: 'Graph',
  roots: new Map(),  // by function, so that what was opened stays open

  rootOf(facts) {
    if (!this.roots.has(facts)) {
      const root = groupsOf(facts);
      openSome(root, 45);
      this.roots.set(facts, root);
    }
    return this.roots.get(facts);
  },

  show(content, view) {
    const facts = view.facts;
    this.view = view;
    this.root = this.rootOf(facts);
    this.svg = shape('svg', { id: 'graph', role: 'img', 'aria-label': `kernels of ${facts.name}` });
    this.scene = shape('g');
    this.svg.append(shape('defs', {}, shape('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4,
      markerWidth: 8, markerHeight: 8, markerUnits: 'userSpaceOnUse', orient: 'auto' }, shape('path', { d: 'M0,0 L8,4 L0,8 z', fill: '#98a4b3' }))),
    this.scene);
    const button = (name, act) => element('button', { onclick: act }, name);
    const change = (act) => () => {
      act();
      this.draw(true);
    };
    content.className = 'graph';
    content.append(this.svg,
      element('div', { id: 'graph-tools', class: 'row' },
        button('Fold all', change(() => setAllOpen(this.root, false))),
        button('Unfold all', change(() => setAllOpen(this.root, true))),
        button('+', () => this.sight.zoom(1.25)), button('−', () => this.sight.zoom(0.8)),
        button('Fit', () => this.fit()),
        element('span', { class: 'faint' }, 'Click a module to unfold it, its title to fold it. Drag; the wheel zooms. What backward keeps is drawn for a kernel that is selected.')),
      element('div', { id: 'legend', class: 'row' },
        ...[...new Set(facts.kernels.map((kernel) => kernel.anchor))].map((anchor) => chip(anchor))));
    this.sight = new Sight(this.svg, this.scene);
    this.draw(true);
    if (view.kernel) this.select(view.kernel);
    this.mark(view.found);
  },

  // Anew, as what is folded has changed; `fits` or so that `still`, a box or group, stays where it was.
  draw(fits, still) {
    const { facts } = this.view;
    const before = still && this.place(still);
    const { nodes, clusters, lines, far } = laidOut(facts, this.root);
    this.nodes = nodes;
    this.clusters = clusters;
    this.scene.replaceChildren(
      ...clusters.sort((a, b) => a.group.path.length - b.group.path.length).map((each) => this.cluster(each)),
      ...lines.map((line) => {
        line.drawn = shape('path', { class: 'edge', d: curveThrough(line.points), 'marker-end': 'url(#arrow)' });
        return line.drawn;
      }),
      ...nodes.map((node) => this.box(node)),
      ...far.map((line) => {
        const [from, to] = [line.from, line.to].map((box) => nodes.find((node) => node.box === box));
        line.drawn = shape('path', { class: 'edge far', d: `M${from.x + from.width / 2},${from.y}` +
          `C${from.x + from.width},${from.y} ${to.x + to.width},${to.y} ${to.x + to.width / 2 + 2},${to.y}`,
        'marker-end': 'url(#arrow)' });
        return line.drawn;
      }));
    this.lines = [...lines, ...far];
    const all = [...nodes, ...clusters];
    const left = Math.min(...all.map((each) => each.x - each.width / 2));
    const top = Math.min(...all.map((each) => each.y - each.height / 2));
    this.frame = { x: left, y: top, width: Math.max(...all.map((each) => each.x + each.width / 2)) - left,
      height: Math.max(...all.map((each) => each.y + each.height / 2)) - top };
    if (fits) return this.fit();
    const after = still && this.place(still);
    if (!before || !after) return undefined;
    const { x, y, zoom } = this.sight.at;
    return this.sight.set({ x: x + (before.x - after.x) * zoom, y: y + (before.y - after.y) * zoom, zoom });
  },

  fit() {
    const first = this.nodes.reduce((a, b) => (b.y < a.y ? b : a));
    this.sight.fit(this.frame, 60, first.x);
  },

  // Where the upper edge of a box or cluster is.
  place(box) {
    const found = this.nodes?.find((node) => node.box === box) ?? this.clusters?.find((each) => each.group === box);
    return found && { x: found.x, y: found.y - found.height / 2 };
  },

  cluster({ x, y, width, height, group }) {
    const left = x - width / 2, top = y - height / 2;
    const fold = () => this.fold(group, false);
    return shape('g', { class: 'cluster', 'data-group': group.path },
      shape('rect', { x: left, y: top - kTitle, width, height: height + kTitle, rx: 8 }),
      shape('text', { x: left + 8, y: top + 14 - kTitle, onclick: fold }, `− ${group.name}`));
  },

  fold(group, isOpen) {
    group.isOpen = isOpen;
    this.draw(false, group);
    if (this.view.kernel) this.select(this.view.kernel);
    this.mark(this.view.found);
  },

  box({ box, x, y, width, height }) {
    const left = x - width / 2, top = y - height / 2;
    const line = (row, text, small) =>
      shape('text', { x: left + 12, y: top + row, class: small ? 'small' : undefined }, text);
    if (box.isEnd) {
      return shape('g', { class: 'box end' }, shape('rect', { class: 'body', x: left, y: top, width, height, rx: 12 }),
        shape('text', { x, y: y + 4, 'text-anchor': 'middle' }, shortened(box.name, 17)),
        shape('title', {}, `${box.kind} ${box.name}`));
    }
    const kernels = box instanceof Group ? box.all() : [box];
    const share = percent(this.view.facts.share(kernels));
    if (box instanceof Group) {
      return shape('g', { class: 'box folded', 'data-group': box.path, onclick: () => this.fold(box, true) },
        shape('rect', { class: 'body', x: left, y: top, width, height, rx: 8 }), this.stripes(kernels, left, top, height),
        line(18, shortened(`+ ${box.name}`, 23)), line(34, `${counted(kernels.length, 'kernel')}, ${share}`, true),
        shape('title', {}, `${box.path.slice(1).replaceAll('/', '.')}: ${share} ${this.view.facts.shareOf}`));
    }
    const colour = colourOf(box.anchor);
    return shape('g', { class: 'box kernel', 'data-kernel': box.number, onclick: () => this.view.select(box) },
      shape('rect', { class: 'body', x: left, y: top, width, height, rx: 4, fill: `${colour}26`, stroke: colour }),
      shape('rect', { x: left, y: top, width: 5, height, fill: colour }),
      line(17, shortened(box.name.split(' at ')[0], 21)), line(32, `${box.number}  ${box.anchor}  ${share}`, true),
      shape('title', {}, `${box.name}\n${box.source && `${box.source}\n`}${share} ${this.view.facts.shareOf}`));
  },

  // What is in a folded module, a colour each for as much as it has of its kernels.
  stripes(kernels, left, top, height) {
    const anchors = kernels.map((kernel) => kernel.anchor).sort();
    return shape('g', {}, ...anchors.map((anchor, i) => shape('rect', { x: left + 2, width: 5,
      y: top + 5 + (height - 10) * i / anchors.length, height: (height - 10) / anchors.length, fill: colourOf(anchor) })));
  },

  select(kernel) {
    if (boxOf(kernel) !== kernel) {
      reveal(kernel);
      this.draw(false);
      this.mark(this.view.found);
    }
    for (const drawn of this.scene.querySelectorAll('.box')) {
      drawn.classList.toggle('selected', drawn.dataset.kernel === String(kernel.number));
    }
    for (const line of this.lines) line.drawn.classList.toggle('near', line.from === kernel || line.to === kernel);
    const { x, y } = this.nodes.find((node) => node.box === kernel);
    const { zoom } = this.sight.at;
    const seen = { x: x * zoom + this.sight.at.x, y: y * zoom + this.sight.at.y };
    const { clientWidth: width, clientHeight: height } = this.svg;
    if (seen.x < 90 || seen.y < 70 || seen.x > width - 90 || seen.y > height - 50) this.sight.centre(x, y);
  },

  // What a search has found.
  mark(found) {
    this.svg.classList.toggle('searching', found.length > 0);
    const boxes = new Set(found.map(boxOf));
    for (const node of this.nodes) {
      const { box } = node;
      const id = box instanceof Group ? `[data-group="${CSS.escape(box.path)}"].box` : `[data-kernel="${box.number}"]`;
      if (!box.isEnd) this.scene.querySelector(id).classList.toggle('found', boxes.has(box));
    }
  },
};
