// The page: what is open, which frame of it is shown, where the cursor and the two points are.

import * as api from "./api.js";
import { Cloud } from "./cloud.js";
import { metres, number, percent, thermalText } from "./colours.js";
import { distanceBetween, hasDepth, parseMaps } from "./maps.js";
import { Panels } from "./panels.js";

const $ = (id) => document.getElementById(id);
const MOST_CACHED = 16;
const PLAY_MS = 220;
const DOWNLOADS = {
  "depth.png": ["Depth", "PNG 16 bit, metres × 256"],
  "depth.npy": ["Depth", "NPY, metres"],
  "structure.png": ["Structure", "PNG 16 bit"],
  "relative_error.png": ["Relative error", "PNG 16 bit, thousandths"],
  "cloud.ply": ["Point cloud", "PLY"],
  "view.png": ["Side by side", "PNG"],
  "numbers.json": ["Numbers", "JSON"],
};

const state = { items: [], at: 0, frame: null, cursor: null, points: [], asked: 0, isHeld: false };
const cache = new Map();
let panels;
let cloud;

// --- what is open ---------------------------------------------------------------------------------

function fail(error) {
  const alert = $("alert");
  alert.textContent = error ? error.message : "";
  alert.hidden = !error;
  if (error && !(error instanceof api.Refused)) console.error(error);
}

async function busy(work) {
  document.body.classList.add("busy");
  $("main").setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    document.body.classList.remove("busy");
    $("main").setAttribute("aria-busy", "false");
  }
}

async function openFiles(files) {
  if (!files.length) return;
  fail(null);
  const recordings = [];
  const refusals = [];
  await busy(async () => {
    for (const file of files) {
      try {
        recordings.push({ ...(await api.send(file)), file });
      } catch (error) {
        refusals.push(error.message);
      }
    }
  });
  if (recordings.length) await openRecordings(recordings);
  if (refusals.length) fail(new api.Refused(refusals.join("\n")));
}

async function openRecordings(recordings) {
  state.items = recordings.flatMap((recording) =>
    Array.from({ length: recording.frames }, (_, frame) => ({ recording, frame })));
  state.points = [];
  state.cursor = null;
  state.isHeld = false;
  stop();
  const isSequence = state.items.length > 1;
  $("sequence").hidden = !isSequence;
  $("slider").max = state.items.length - 1;
  for (const button of document.querySelectorAll("#samples button")) {
    button.setAttribute("aria-pressed", String(button.dataset.id === recordings[0].id));
  }
  await show(recordings[0].first);
}

async function mapsOf(item, fov) {
  const key = `${item.recording.id}/${item.frame}/${fov}`;
  if (!cache.has(key)) {
    let buffer;
    try {
      buffer = await api.maps(item, fov);
    } catch (error) {
      if (error.status !== 404 || !item.recording.file) throw error;
      Object.assign(item.recording, await api.send(item.recording.file)); // it was forgotten meanwhile
      buffer = await api.maps(item, fov);
    }
    const frame = parseMaps(buffer);
    cache.set(key, frame);
    if (cache.size > MOST_CACHED) cache.delete(cache.keys().next().value);
  }
  return cache.get(key);
}

// The last frame that was asked for wins; those that were overtaken are not asked for at all.
async function show(at) {
  state.at = at;
  $("slider").value = at;
  state.asked += 1;
  const asked = state.asked;
  if (state.loading) await state.loading.catch(() => {});
  if (asked !== state.asked) return;
  const fov = $("fov").value.trim();
  state.loading = busy(() => mapsOf(state.items[at], fov));
  try {
    const frame = await state.loading;
    if (asked !== state.asked) return;
    state.frame = frame;
    fail(null);
    draw();
  } catch (error) {
    fail(error);
  } finally {
    state.loading = null;
  }
}

// --- drawing --------------------------------------------------------------------------------------

function draw() {
  const { frame } = state;
  const hold = state.isHeld && $("hold").checked && state.items.length > 1;
  panels.draw(frame, hold);
  state.isHeld = true;
  drawNumbers();
  drawDownloads();
  drawPosition();
  drawCloud();
  drawReadings();
}

function drawCloud() {
  const { frame } = state;
  const select = $("cloud-colour");
  select.querySelector("[value=error]").disabled = !frame.error;
  if (!frame.error && select.value === "error") select.value = "depth";
  cloud.show(frame, select.value, panels.scales[select.value], state.points);
  $("cloud-hint").textContent = frame.numbers.lens
    ? "Drag to turn, wheel or pinch to come nearer."
    : "State the field of view: without the lens directions are not known.";
}

function drawNumbers() {
  const { numbers } = state.frame;
  const units = { counts: "raw counts", kelvin: "kelvin", display: "8 bits after gain control" };
  $("median").textContent = metres(numbers.median_m);
  $("range").textContent = `${number(numbers.near_m)} to ${metres(numbers.far_m)}`;
  $("error").textContent = numbers.median_relative_error === null
    ? "not told by this model" : `${percent(numbers.median_relative_error)} (median)`;
  $("sky").textContent = numbers.sky_share === null ? "not told by this model" : percent(numbers.sky_share);
  $("size").textContent = `${numbers.columns} × ${numbers.rows}`;
  $("unit").textContent = units[numbers.unit];
  $("notes").replaceChildren(...numbers.notes.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  const { lens } = numbers;
  const degrees = lens && `${lens.fov_deg.toFixed(1)}°`;
  const hints = {
    request: `${degrees}, as stated`,
    file: `${degrees}, as the file states`,
    model: `${degrees}, as the server was started`,
    assumed: `Not known: ${degrees} is assumed`,
  };
  $("fov").placeholder = lens ? lens.fov_deg.toFixed(1) : "not stated";
  const hint = $("lens-hint");
  hint.textContent = lens ? hints[lens.source] : "Not stated; distances in space need it.";
  hint.classList.toggle("warn", !lens || lens.source === "assumed");
}

function drawDownloads() {
  const { numbers, error } = state.frame;
  const item = state.items[state.at];
  const fov = $("fov").value.trim();
  const hasLens = numbers.lens && numbers.lens.source !== "assumed";
  const rows = Object.entries(DOWNLOADS).filter(([name]) => name !== "relative_error.png" || error);
  $("downloads").replaceChildren(...rows.map(([name, [title, kind]]) => {
    const row = document.createElement("li");
    const link = document.createElement("a");
    const small = document.createElement("small");
    link.textContent = title;
    small.textContent = kind;
    if (name === "cloud.ply" && !hasLens) {
      small.textContent = "PLY; needs the field of view";
      link.setAttribute("aria-disabled", "true");
    } else {
      link.href = api.outputAddress(item, name, fov);
      link.setAttribute("download", "");
    }
    link.append(small);
    row.append(link);
    return row;
  }));
}

function drawPosition() {
  const item = state.items[state.at];
  const { time_s } = state.frame.numbers;
  const time = time_s === null ? "" : ` · ${time_s.toFixed(2)} s`;
  $("position").textContent = `${state.at + 1} / ${state.items.length} · ${item.recording.name}${time}`;
}

function reading(point) {
  const { frame } = state;
  const index = point.y * frame.columns + point.x;
  const thermal = thermalText(frame.thermal[index], frame.numbers.unit);
  const place = `x ${point.x}, y ${point.y} · ${thermal}`;
  if (!hasDepth(frame, index)) return [frame.sky?.[index] ? "sky" : "no depth", place];
  const depth = frame.depth[index];
  if (!frame.error) return [metres(depth), place];
  const factor = 1 + frame.error[index];
  return [metres(depth), `${number(depth / factor)} to ${metres(depth * factor)} (68 %)\n${place}`];
}

function drawReadings() {
  const { frame, cursor, points } = state;
  if (!frame) return;
  const put = (id, point, hint) => {
    const [value, more] = point ? reading(point) : ["–", hint];
    $(id).textContent = value;
    $(`${id}-more`).textContent = more;
  };
  put("cursor", cursor, "Point at a panel, or use the arrow keys on it");
  put("point-a", points[0], "Click to set");
  put("point-b", points[1], points[0] ? "Click again" : "");
  const distance = points.length === 2 ? distanceBetween(frame, ...points) : null;
  $("distance").textContent = distance === null ? "–" : metres(distance);
  const lens = frame.numbers.lens;
  let more = "Distance in space, through the lens";
  if (!lens) more = "State the field of view to measure";
  else if (points.length === 2 && distance === null) more = "A point without a depth has no place";
  else if (lens.source === "assumed") more = "Of an assumed lens";
  $("distance-more").textContent = more;
  $("clear").disabled = !points.length;
  panels.overlay(frame, cursor, points);
}

// --- cursor and points ----------------------------------------------------------------------------

function setCursor(cursor) {
  state.cursor = cursor;
  if (!state.isDue) {
    state.isDue = true;
    requestAnimationFrame(() => {
      state.isDue = false;
      drawReadings();
    });
  }
}

function setPoint(point) {
  state.points = state.points.length === 2 ? [point] : [...state.points, point];
  drawReadings();
  drawCloud();
}

function clearPoints() {
  state.points = [];
  drawReadings();
  drawCloud();
}

function onKey(event) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const { frame } = state;
  if (!frame) return false;
  const { x, y } = state.cursor ?? { x: frame.columns >> 1, y: frame.rows >> 1 };
  if (moves[event.key]) {
    const far = event.shiftKey ? 10 : 1;
    const [dx, dy] = moves[event.key];
    const clamp = (value, most) => Math.min(Math.max(value, 0), most - 1);
    setCursor({ x: clamp(x + far * dx, frame.columns), y: clamp(y + far * dy, frame.rows) });
  } else if (event.key === "Enter" || event.key === " ") setPoint({ x, y });
  else if (event.key === "Escape") clearPoints();
  else return false;
  return true;
}

// --- sequence -------------------------------------------------------------------------------------

function stop() {
  clearTimeout(state.timer);
  state.timer = 0;
  $("play").setAttribute("aria-pressed", "false");
  $("play").textContent = "▶";
}

async function playOn() {
  const begun = performance.now();
  await show((state.at + 1) % state.items.length);
  if (!state.timer) return;
  state.timer = setTimeout(playOn, Math.max(PLAY_MS - (performance.now() - begun), 0));
}

function togglePlay() {
  if (state.timer) {
    stop();
    return;
  }
  $("play").setAttribute("aria-pressed", "true");
  $("play").textContent = "❚❚";
  state.timer = setTimeout(playOn, 0);
}

// --- start ----------------------------------------------------------------------------------------

function listSamples(samples) {
  $("samples").replaceChildren(...samples.map((sample) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    const picture = document.createElement("img");
    picture.src = sample.thumbnail;
    picture.alt = "";
    button.type = "button";
    button.dataset.id = sample.id;
    button.append(picture, sample.name);
    button.addEventListener("click", () => {
      $("fov").value = "";
      openRecordings([sample]).catch(fail);
    });
    row.append(button);
    return row;
  }));
}

function themes() {
  const root = document.documentElement;
  try {
    root.dataset.theme = localStorage.getItem("theme") ?? "";
  } catch {
    // a browser that keeps nothing
  }
  $("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // as above
    }
    cloud.request();
  });
}

function listenToDrops() {
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const veil = (isOver) => { $("dropping").hidden = !isOver; };
  addEventListener("dragenter", (event) => hasFiles(event) && veil((depth += 1) > 0));
  addEventListener("dragleave", (event) => hasFiles(event) && veil((depth -= 1) > 0));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil(false);
    openFiles([...event.dataTransfer.files]).catch(fail);
  });
}

function listen() {
  $("files").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    openFiles(files).catch(fail);
  });
  $("fov").addEventListener("change", () => {
    state.isHeld = false;
    if (state.items.length) show(state.at);
  });
  $("slider").addEventListener("input", (event) => {
    stop();
    show(Number(event.target.value));
  });
  $("hold").addEventListener("change", () => {
    state.isHeld = false;
    if (state.frame) draw();
  });
  $("play").addEventListener("click", togglePlay);
  $("clear").addEventListener("click", clearPoints);
  $("cloud-colour").addEventListener("change", drawCloud);
  $("reset").addEventListener("click", () => cloud.reset());
  $("turn").addEventListener("click", () => {
    cloud.turn(!cloud.isTurning);
    $("turn").setAttribute("aria-pressed", String(cloud.isTurning));
  });
  listenToDrops();
}

async function start() {
  panels = new Panels($("panels"), { onCursor: setCursor, onPoint: setPoint, onKey });
  cloud = new Cloud($("cloud"), () => $("turn").setAttribute("aria-pressed", "false"));
  $("turn").setAttribute("aria-pressed", String(cloud.isTurning));
  themes();
  listen();
  const [model, samples] = await Promise.all([api.model(), api.samples()]);
  $("model").textContent = model.name;
  const megabytes = Math.round(model.limits.upload_bytes / 1e6);
  $("formats").textContent += `; up to ${megabytes} MB, kept ${Math.round(model.limits.kept_s / 60)} minutes`;
  listSamples(samples);
  if (samples.length && !state.items.length) await openRecordings([samples[0]]);
}

start().catch(fail);
