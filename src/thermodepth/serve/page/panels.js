// The four maps side by side, with one cursor and two points over all of them.

import { paint, paintBar, scaleOf } from "./colours.js";

const TITLES = {
  thermal: ["Thermal", "as the camera gives it; hot is bright"],
  depth: ["Metric depth", "metres along the axis; near is bright"],
  structure: ["Structure", "inverse depth without a scale; near is bright"],
  error: ["Relative error", "expected at 68 % of the pixels; dark is worse"],
};
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function mark(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Panel {
  constructor(key, handlers) {
    this.key = key;
    const [title, subtitle] = TITLES[key];
    this.figure = element("figure", { class: "card panel", "data-map": key });
    const caption = element("figcaption");
    caption.append(element("h2", {}, title), element("small", {}, subtitle));
    this.stage = element("div", {
      class: "stage", tabindex: "0", role: "img",
      "aria-label": `${title}. Arrow keys move the cursor, Enter sets a point, Escape clears.`,
    });
    this.canvas = element("canvas", { width: "1", height: "1" });
    this.marks = mark("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
    this.stage.append(this.canvas, this.marks);
    this.bar = element("canvas", { class: "bar" });
    this.ticks = element("div", { class: "ticks" });
    const legend = element("div", { class: "legend" });
    legend.append(this.bar, this.ticks);
    this.sky = element("span", { class: "sky-key" }, "sky");
    legend.append(this.sky);
    this.figure.append(caption, this.stage, legend);
    this.listen(handlers);
  }

  listen({ onCursor, onPoint, onKey }) {
    const pixel = (event) => {
      const box = this.stage.getBoundingClientRect();
      const clamp = (value, most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
      return {
        x: clamp(((event.clientX - box.left) / box.width) * this.canvas.width, this.canvas.width),
        y: clamp(((event.clientY - box.top) / box.height) * this.canvas.height, this.canvas.height),
      };
    };
    this.stage.addEventListener("pointermove", (event) => onCursor(pixel(event)));
    this.stage.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && onCursor(null));
    this.stage.addEventListener("click", (event) => {
      onCursor(pixel(event));
      onPoint(pixel(event));
    });
    this.stage.addEventListener("keydown", (event) => onKey(event) && event.preventDefault());
  }

  draw(frame, scale) {
    this.canvas.width = frame.columns;
    this.canvas.height = frame.rows;
    this.stage.style.aspectRatio = `${frame.columns} / ${frame.rows}`;
    this.canvas.classList.toggle("coarse", frame.columns < 400);
    this.marks.setAttribute("viewBox", `0 0 ${frame.columns} ${frame.rows}`);
    paint(this.canvas.getContext("2d"), frame, this.key, scale);
    paintBar(this.bar, scale);
    this.ticks.replaceChildren(...scale.ticks.filter(apart).map(([place, text]) => {
      const tick = element("span", {}, text);
      tick.style.left = `${100 * place}%`;
      tick.className = place < 0.08 ? "first" : place > 0.92 ? "last" : "";
      return tick;
    }));
    const hasSky = (this.key === "depth" || this.key === "error") && frame.numbers.sky_share > 0;
    this.sky.hidden = !hasSky;
  }

  overlay(frame, cursor, points) {
    const size = frame.columns / 100;
    const drawn = [];
    if (cursor) {
      const [x, y] = [cursor.x + 0.5, cursor.y + 0.5];
      drawn.push(mark("path", { class: "cross", d: `M${x} 0V${frame.rows}M0 ${y}H${frame.columns}` }));
    }
    const [a, b] = points;
    if (a && b) {
      for (const kind of ["under", "line"]) {
        drawn.push(mark("path", { class: kind, d: `M${a.x + 0.5} ${a.y + 0.5}L${b.x + 0.5} ${b.y + 0.5}` }));
      }
    }
    points.forEach((point, number) => {
      const kind = "ab"[number];
      drawn.push(mark("circle", { class: `point ${kind}`, cx: point.x + 0.5, cy: point.y + 0.5, r: 1.3 * size }));
    });
    this.marks.replaceChildren(...drawn);
  }
}

// Ticks that would write over the one before are left out.
function apart([place], at, all) {
  let last = -1;
  for (let i = 0; i <= at; i += 1) {
    if (last < 0 || all[i][0] - last >= 0.13) last = all[i][0];
    else if (i === at) return false;
  }
  return last === place;
}

export class Panels {
  constructor(root, handlers) {
    this.panels = Object.keys(TITLES).map((key) => new Panel(key, handlers));
    root.append(...this.panels.map((panel) => panel.figure));
    this.scales = {};
  }

  // `hold`: the colours of the frame before stay.
  draw(frame, hold) {
    for (const panel of this.panels) {
      const isKnown = Boolean(frame[panel.key]);
      panel.figure.hidden = !isKnown;
      if (!isKnown) continue;
      if (!hold || !this.scales[panel.key]) this.scales[panel.key] = scaleOf(frame, panel.key);
      panel.draw(frame, this.scales[panel.key]);
    }
  }

  overlay(frame, cursor, points) {
    for (const panel of this.panels) panel.overlay(frame, cursor, points);
  }
}
