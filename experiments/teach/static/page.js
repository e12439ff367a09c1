// Keys of the page: sent to the server unless something that needs them has the focus.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector(".q-dialog, .q-menu")) return;
  const at = event.target;
  if (at.closest?.("input, textarea, select, [role=slider], [role=listbox], [role=combobox], [contenteditable]")) return;
  const press = event.key === " " || event.key === "Enter";
  if (press && at.closest?.("button, a, [role=button], [role=checkbox], [role=radio]")) return;
  const keys = [" ", "ArrowRight", "ArrowLeft", "Home", "End", "r", "s", "l", "+", "-", "?", "0", "1", "2", "3", "4", "5", "6", "7"];
  if (!keys.includes(event.key)) return;
  event.preventDefault();
  emitEvent("page_key", event.key);
});

// Charts: the server sends their options as they change. Those that are seen, or nearly, are drawn at once, the others
// in idle time when nothing has changed for a while.
const REST_MS = 1200;
let rest;
const waiting = new Map(), seriesOf = new WeakMap();
const nearby = new IntersectionObserver((seen) => seen.forEach((one) => one.isIntersecting && drawChart(one.target)),
  { rootMargin: "150px" });

function drawCharts(charts) {
  for (const [id, options] of Object.entries(charts)) {
    waiting.set(id, options);
    watch(id);
  }
  clearTimeout(rest);
  rest = setTimeout(drawRest, REST_MS);
}

function drawRest() {
  const at = [...waiting.keys()].map(getHtmlElement).find((one) => one?.offsetParent); // not what is hidden
  if (!at) return;
  drawChart(at);
  rest = setTimeout(() => requestIdleCallback(drawRest), 20);
}

function watch(id) {
  if (!waiting.has(id)) return; // drawn, or of a study that is no longer shown
  const at = getHtmlElement(id);
  if (!at) return setTimeout(() => watch(id), 50);
  nearby.unobserve(at);
  nearby.observe(at); // says at once whether it is seen, and later when it is
}

function drawChart(at) {
  const id = at.id.slice(1), options = waiting.get(id), chart = getElement(id)?.chart;
  if (!options) return;
  if (!chart) return setTimeout(() => drawChart(at), 50);
  waiting.delete(id);
  makeFunctions(options);
  chart.setOption(options, { notMerge: seriesOf.get(chart) !== options.series.length, lazyUpdate: true });
  seriesOf.set(chart, options.series.length);
}

function makeFunctions(options) { // a key with a colon holds an expression, as in NiceGUI
  for (const [key, value] of Object.entries(options)) {
    if (key[0] === ":") options[key.slice(1)] = new Function(`return (${value})`)();
    else if (typeof value === "object" && value !== null && key !== "data") makeFunctions(value);
  }
}
