// Recommends in the browser, from a version folder's own files.
import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";

const SERVING = "serving_default";
const IDS = "top_prediction_ids";
const SCORES = "top_prediction_scores";
const MAX_MATCHES = 8;
// The first calls allocate; the median of the others is the time of one.
const TIMED_CALLS = 20;

const at = (id) => document.getElementById(id);
const state = { history: [], manifest: null, items: [], popular: [], model: null };

async function read(name) {
  const answer = await fetch(`version/${name}`);
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer;
}

async function readItems() {
  const lines = (text) => text.split("\n").slice(0, -1);
  const keys = lines(await (await read("vocab.txt")).text());
  const items = keys.map((key, id) => ({ id, key, title: key }));
  for (const line of lines(await (await read("labels.tsv")).text()).slice(1)) {
    const id = Number(line.slice(0, line.indexOf("\t")));
    // A key may hold a tab; the vocabulary says where it ends.
    items[id].title = line.slice(line.indexOf("\t") + keys[id].length + 2);
  }
  return items.slice(1);
}

async function readPopular() {
  if (!("popular.json" in state.manifest.files)) return [];
  return (await read("popular.json")).json();
}

async function load(file) {
  state.model?.delete();
  const content = new Uint8Array(await (await read(file)).arrayBuffer());
  state.model = await loadAndCompile(content, { accelerator: "wasm" });
  at("size").textContent = `${(content.length / 1e6).toFixed(2)} MB`;
}

// The latest items that fit, oldest first, then 0; other inputs are 0.
function inputs() {
  const tensors = {};
  for (const { name, shape, dtype, column } of state.manifest.inputs) {
    const length = shape.reduce((a, b) => a * b, 1);
    const values = dtype === "float32" ? new Float32Array(length) : new Int32Array(length);
    if (column === state.manifest.item_column) values.set(state.history.slice(-length));
    tensors[name] = new Tensor(values, shape);
  }
  return tensors;
}

async function infer() {
  const given = inputs();
  const start = performance.now();
  const outputs = await state.model.run(SERVING, given);
  const milliseconds = performance.now() - start;
  const ids = Array.from(outputs[IDS].toTypedArray());
  const scores = Array.from(outputs[SCORES].toTypedArray());
  for (const tensor of [...Object.values(given), ...Object.values(outputs)]) tensor.delete();
  return { found: ids.map((id, i) => ({ id, score: scores[i] })), milliseconds };
}

async function recommend() {
  if (!state.history.length) {
    at("source").textContent = "Nothing is chosen: what is popular.";
    at("time").textContent = "–";
    return state.popular
      .slice(0, state.manifest.num_predictions)
      .map(([id, events]) => ({ id, note: `${events} events` }));
  }
  const { found } = await infer();
  const times = [];
  for (let i = 0; i < TIMED_CALLS; i++) times.push((await infer()).milliseconds);
  times.sort((a, b) => a - b);
  at("time").textContent = `${times[TIMED_CALLS / 2].toFixed(2)} ms`;
  at("source").textContent = "";
  return found
    .filter(({ id }) => id)
    .map(({ id, score }) => ({ id, score, note: score.toFixed(4) }));
}

const title = (id) => state.items[id - 1].title;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function show() {
  at("history").replaceChildren(
    ...state.history.map((id, place) =>
      element("li", {}, title(id), " ", element("button", {
        type: "button",
        textContent: "×",
        ariaLabel: `Remove ${title(id)}`,
        onclick: () => change(state.history.filter((_, i) => i !== place)),
      })),
    ),
  );
  at("clear").hidden = !state.history.length;
  const found = await recommend();
  at("recommended").replaceChildren(
    ...found.map(({ id, score, note }) => {
      const row = element("li", {},
        element("span", { className: "title", textContent: title(id) }),
        element("span", { className: "score", textContent: note }));
      row.dataset.id = id;
      row.dataset.key = state.items[id - 1].key;
      if (score !== undefined) row.dataset.score = score;
      return row;
    }),
  );
  document.body.dataset.state = "ready";
}

// One after the other: a model is run, or exchanged, by one caller at a time.
let queue = Promise.resolve();
function change(history, file) {
  state.history = history;
  document.body.dataset.state = "computing";
  queue = queue.then(async () => {
    if (file) await load(file);
    await show();
  }).catch(fail);
  return queue;
}

function match() {
  const wanted = at("search").value.trim().toLowerCase();
  const found = wanted
    ? state.items.filter((item) => item.title.toLowerCase().includes(wanted))
    : [];
  at("matches").replaceChildren(
    ...found.slice(0, MAX_MATCHES).map((item) =>
      element("li", {}, element("button", {
        type: "button",
        textContent: item.title,
        onclick: () => {
          at("search").value = "";
          match();
          change([...state.history, item.id]);
        },
      })),
    ),
  );
}

function fail(error) {
  document.body.dataset.state = "failed";
  at("status").textContent = `Not computed: ${error.message ?? error}`;
  console.error(error);
}

async function start() {
  state.manifest = await (await read("manifest.json")).json();
  [state.items, state.popular] = await Promise.all([
    readItems(), readPopular(), loadLiteRt("vendor/"),
  ]);
  const files = Object.keys(state.manifest.files).filter((name) => name.endsWith(".tflite"));
  files.sort((a, b) => (b === "model.tflite") - (a === "model.tflite"));
  at("model").append(...files.map((name) => new Option(name)));
  at("model").onchange = () => change(state.history, at("model").value);
  at("search").oninput = match;
  at("clear").onclick = () => change([]);
  at("version").textContent = state.manifest.version;
  await change([], files[0]);
  at("search").disabled = at("model").disabled = false;
  at("status").textContent = `${state.items.length.toLocaleString()} items to choose from.`;
}

start().catch(fail);
