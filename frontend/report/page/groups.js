// The kernels of a function as a tree of the modules that they are shown in.

class Group {
  constructor(path, name, above) {
    this.path = path;
    this.name = name;
    this.above = above;
    this.groups = new Map();
    this.own = [];
    this.isOpen = false;
  }

  inner(name) {
    if (!this.groups.has(name)) this.groups.set(name, new Group(`${this.path}/${name}`, name, this));
    return this.groups.get(name);
  }
  all() { return [...this.own, ...[...this.groups.values()].flatMap((group) => group.all())]; }
  // Itself and what is in it.
  *walk() {
    yield this;
    for (const group of this.groups.values()) yield* group.walk();
  }
}

// A group of one kernel is no more than the kernel, and one in which there is nothing but another group is that one.
const dissolved = (group) => {
  for (const [name, inner] of [...group.groups]) {
    dissolved(inner);
    if (inner.all().length === 1) {
      group.own.push(...inner.all());
      group.groups.delete(name);
    } else if (inner.own.length === 0 && inner.groups.size === 1) {
      const only = [...inner.groups.values()][0];
      only.name = `${inner.name}.${only.name}`;
      only.above = group;
      group.groups.set(name, only);
    }
  }
  return group;
};

const groupsOf = (facts) => {
  const root = new Group('', facts.name, null);
  root.isOpen = true;
  for (const kernel of facts.kernels) {
    let group = kernel.part === '' ? root : root.inner(kernel.part);
    for (const name of kernel.home.split('.').filter((each) => each)) group = group.inner(name);
    group.own.push(kernel);
  }
  dissolved(root);
  for (const group of root.walk()) for (const kernel of group.own) kernel.group = group;
  return root;
};

const shownCount = (group) =>
  group.isOpen ? group.own.length + [...group.groups.values()].reduce((sum, each) => sum + shownCount(each), 0) : 1;

// Opens what can be seen at once: level by level, as long as there are not many boxes.
const openSome = (root, most) => {
  setAllOpen(root, false);
  for (let level = [...root.groups.values()]; level.length > 0;) {
    for (const group of level) group.isOpen = true;
    if (shownCount(root) > most) {
      for (const group of level) group.isOpen = false;
      return;
    }
    level = level.flatMap((group) => [...group.groups.values()]);
  }
};

const setAllOpen = (root, isOpen) => {
  for (const group of root.walk()) group.isOpen = isOpen || group === root;
};

// The box that stands for a kernel: the outermost group around it that is folded, or itself.
const boxOf = (kernel) => {
  let box = kernel;
  for (let group = kernel.group; group; group = group.above) if (!group.isOpen) box = group;
  return box;
};
const reveal = (kernel) => {
  for (let group = kernel.group; group; group = group.above) group.isOpen = true;
};
