// Colours of maps, as the files of `thermodepth predict` have them, and the scales between which they lie.

import DEPTH from "./depth_colours.js";
import { hasDepth, percentiles } from "./maps.js";

const SKY = [143, 182, 216];
const NONE = [152, 152, 152];
const REDS = ["fff5f0", "fee0d2", "fcbba1", "fc9272", "fb6a4a", "ef3b2c", "cb181d", "a50f15", "67000d"];
const ERROR_ENDS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

function ofAnchors(anchors) {
  const colours = anchors.map((c) => [0, 2, 4].map((at) => parseInt(c.slice(at, at + 2), 16)));
  const table = new Uint8Array(768);
  for (let i = 0; i < 256; i += 1) {
    const place = (i / 255) * (colours.length - 1);
    const low = Math.min(Math.floor(place), colours.length - 2);
    for (let c = 0; c < 3; c += 1) {
      table[3 * i + c] = colours[low][c] + (place - low) * (colours[low + 1][c] - colours[low][c]);
    }
  }
  return table;
}

const PALETTES = {
  depth: Uint8Array.from(atob(DEPTH), (c) => c.charCodeAt(0)),
  thermal: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
  error: ofAnchors(REDS),
};
PALETTES.structure = PALETTES.depth;

export const number = (value, digits = 3) => {
  if (!Number.isFinite(value)) return "–";
  const places = value === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 4));
};
export const metres = (value) => `${number(value)} m`;
export const percent = (value) => `${Math.round(100 * value)} %`;

// Of a thermal value, in the unit that people read.
export function thermalText(value, unit) {
  if (unit === "kelvin") return `${(value - 273.15).toFixed(1)} °C`;
  return unit === "display" ? `level ${Math.round(value)}` : `${Math.round(value)} counts`;
}

const linear = (low, high) => (value) => (value - low) / (high - low || 1);

function steps125(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

// key -> {palette, share(value), ticks: [[place 0..1, text]], low, high}; a share of 1 is the bright end.
export function scaleOf(frame, key) {
  const solid = (i) => hasDepth(frame, i);
  if (key === "depth") {
    const [low, high] = percentiles(frame.depth, [0.005, 0.995], solid) ?? [1, 2];
    const near = Math.max(low, 1e-3);
    const far = Math.max(high, 1.05 * near);
    const along = (value) => Math.log(value / near) / Math.log(far / near);
    let ticks = steps125(near, far).map((tick) => [along(tick), `${tick >= 1 ? tick : tick.toPrecision(1)} m`]);
    if (ticks.length < 2) ticks = [[0, metres(near)], [1, metres(far)]];
    return { key, share: (value) => 1 - along(value), flipped: true, ticks };
  }
  if (key === "structure") {
    const [low, high] = percentiles(frame.structure, [0.005, 0.995]) ?? [0, 1];
    return { key, share: linear(low, high), ticks: [[0, "farther"], [1, "nearer"]] };
  }
  if (key === "error") {
    const [highest] = percentiles(frame.error, [0.95], solid) ?? [0];
    const end = ERROR_ENDS.find((step) => step >= highest) ?? Math.ceil(highest);
    const ticks = [0, 0.5, 1].map((place) => [place, percent(place * end)]);
    ticks[2][1] += " worse";
    return { key, share: linear(0, end), ticks };
  }
  const [low, high] = percentiles(frame.thermal, [0.005, 0.995]) ?? [0, 1];
  const unit = frame.numbers.unit;
  const shown = unit === "kelvin" ? 273.15 : 0;
  const digits = unit === "kelvin" ? 1 : 0;
  const text = (value) => (value - shown).toFixed(digits);
  const unitText = { kelvin: " °C", counts: " counts", display: "" }[unit];
  return {
    key,
    share: linear(low, high),
    ticks: [[0, text(low)], [0.5, text((low + high) / 2)], [1, `${text(high)}${unitText}`]],
  };
}

export const valuesOf = (frame, key) => frame[key];

// Colour of one pixel into `target` at `at`.
export function colourInto(target, at, frame, key, index, scale) {
  let colour = NONE;
  let place = 0;
  if (key !== "thermal" && key !== "structure" && frame.sky && frame.sky[index]) {
    colour = SKY;
  } else {
    const value = frame[key][index];
    if (Number.isFinite(value) && (key !== "depth" || value > 0)) {
      colour = PALETTES[key];
      place = 3 * Math.round(255 * Math.min(Math.max(scale.share(value), 0), 1));
    }
  }
  target[at] = colour[place];
  target[at + 1] = colour[place + 1];
  target[at + 2] = colour[place + 2];
  target[at + 3] = 255;
}

export function paint(context, frame, key, scale) {
  const picture = context.createImageData(frame.columns, frame.rows);
  for (let index = 0; index < frame.rows * frame.columns; index += 1) {
    colourInto(picture.data, 4 * index, frame, key, index, scale);
  }
  context.putImageData(picture, 0, 0);
}

export function paintBar(canvas, scale) {
  canvas.width = 256;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(256, 1);
  for (let x = 0; x < 256; x += 1) {
    const at = 3 * (scale.flipped ? 255 - x : x);
    picture.data.set([...PALETTES[scale.key].subarray(at, at + 3), 255], 4 * x);
  }
  context.putImageData(picture, 0, 0);
}
