// The page: which function, tab and kernel it shows.

const kTabs = [tabGraph, tabKernels, tabMemory, tabTraining, tabAttention, tabCompare];

const view = {
  facts: reports.at(-1).functions[0],
  tab: reports.length === 2 ? tabCompare : tabGraph,
  kernel: null,
  found: [],
  kind: 'loops',

  select(kernel) {
    if (kernel === undefined) return;
    const wasOpen = this.kernel !== null;
    this.kernel = kernel;
    showKernel(byId('kernel'), this);
    if (wasOpen !== (kernel !== null)) this.showTab();
    else if (kernel) this.tab.select?.(kernel);
  },

  showTab() {
    const content = byId('content');
    content.className = '';
    content.replaceChildren();
    this.tab.show(content, this);
    for (const button of byId('tabs').children) button.setAttribute('aria-selected', String(button.dataset.tab === this.tab.name));
  },

  showFunction(facts) {
    this.facts = facts;
    this.kernel = null;
    this.found = [];
    byId('search-text').value = '';
    byId('search-results').replaceChildren();
    showKernel(byId('kernel'), this);
    this.showReport();
  },

  showReport() {
    const { report } = this.facts;
    byId('title').textContent = report.title;
    byId('title').title = `${report.title}\n${report.device}\n${report.target}`;
    const choice = (id, options, chosen, act) => {
      const select = byId(id);
      select.replaceChildren(...options.map(([name], i) => element('option', { value: i }, name)));
      select.value = String(chosen);
      select.onchange = () => act(options[Number(select.value)][1]);
      select.hidden = options.length < 2;
    };
    choice('report-choice', reports.map((each, i) => [`${i === 0 ? 'before' : 'after'}: ${each.title}`, each]), reports.indexOf(report),
      (chosen) => this.showFunction(chosen.functions.find((each) => each.name === this.facts.name) ?? chosen.functions[0]));
    choice('function-choice', report.functions.map((each) => [each.name, each]), report.functions.indexOf(this.facts),
      (chosen) => this.showFunction(chosen));
    const tabs = kTabs.filter((tab) => tab.isFor?.(report) ?? true);
    if (!tabs.includes(this.tab)) [this.tab] = tabs;
    byId('tabs').replaceChildren(...tabs.map((tab) => element('button', { 'data-tab': tab.name, onclick: () => {
      this.tab = tab;
      this.showTab();
    } }, tab.name)));
    this.showTab();
  },

  search(text) {
    this.found = search(this.facts, text);
    const results = this.found.slice(0, 50).map((kernel) => element('li', { 'data-kernel': kernel.number, onclick: () => {
      byId('search-results').replaceChildren();
      this.found = [];
      if (this.tab === tabGraph) tabGraph.mark(this.found);
      this.select(kernel);
    } }, chip(kernel.anchor), ` ${kernel.number} ${kernel.name}`));
    if (text.trim() !== '' && results.length === 0) results.push(element('li', { class: 'faint' }, 'no kernel has all of these words'));
    byId('search-results').replaceChildren(...results);
    if (this.tab === tabGraph) tabGraph.mark(this.found);
  },
};

byId('search-text').addEventListener('input', (event) => view.search(event.target.value));
byId('search-text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && view.found.length > 0) byId('search-results').firstChild.click();
  if (event.key === 'Escape') byId('search-results').replaceChildren();
});
view.showReport();
