// A point cloud that turns: points of a frame, projected and drawn with a depth buffer, without WebGL, so
// that it looks alike everywhere. Seen from where it begins, it is the frame.

import { colourInto } from "./colours.js";
import { hasDepth, pointOf } from "./maps.js";

const MOST_POINTS = 90000;
const FEWEST_POINTS = 60000; // a small frame's surfaces are filled between its pixels
const EDGE = 1.12; // neighbours further apart than this factor: the pixel flies between two surfaces
const SWAY = 0.32; // radians to either side
const LARGEST_DOT = 14;

// The points of a pixel, of the one to its right, below it, and across.
function cornersOf(frame, x, y) {
  return [pointOf(frame, x, y), pointOf(frame, x + 1, y), pointOf(frame, x, y + 1), pointOf(frame, x + 1, y + 1)];
}

// Bilinear, `u` to the right and `v` down.
function between([p, right = p, below = p, across = p], u, v) {
  return [0, 1, 2].map((axis) => (1 - v) * ((1 - u) * p[axis] + u * right[axis])
    + v * ((1 - u) * below[axis] + u * across[axis]));
}

export class Cloud {
  constructor(canvas, onStop) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.onStop = onStop;
    this.points = null;
    this.isTurning = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.reset();
    this.listen();
    new ResizeObserver(() => this.request()).observe(canvas);
    this.isSeen = true;
    new IntersectionObserver(([entry]) => {
      this.isSeen = entry.isIntersecting;
      this.request();
    }).observe(canvas);
  }

  reset() {
    this.yaw = 0;
    this.pitch = 0;
    this.zoom = 1;
    this.phase = 0;
    this.request();
  }

  turn(isTurning) {
    this.isTurning = isTurning;
    this.phase = Math.asin(Math.min(Math.max(this.yaw / SWAY, -1), 1));
    this.request();
  }

  show(frame, key, scale, measured) {
    this.measured = measured;
    if (frame !== this.frame || key !== this.key || scale !== this.scale) {
      [this.frame, this.key, this.scale] = [frame, key, scale];
      this.points = frame.numbers.lens ? this.collect(frame, key, scale) : null;
    }
    this.request();
  }

  collect(frame, key, scale) {
    const { rows, columns, depth } = frame;
    const step = Math.max(1, Math.ceil(Math.sqrt((rows * columns) / MOST_POINTS)));
    const fill = Math.max(1, Math.round(Math.sqrt(FEWEST_POINTS / (rows * columns))));
    const places = [];
    const colours = [];
    const colour = [0, 0, 0, 255];
    const depths = [];
    const isOneSurface = (a, b) => a / b < EDGE && b / a < EDGE;
    for (let y = step; y < rows - step; y += step) {
      for (let x = step; x < columns - step; x += step) {
        const index = y * columns + x;
        if (!hasDepth(frame, index)) continue;
        const around = [index - 1, index + 1, index - columns, index + columns];
        if (!around.every((other) => isOneSurface(depth[other], depth[index]))) continue;
        const corners = fill === 1 ? [pointOf(frame, x, y)] : cornersOf(frame, x, y);
        if (corners.includes(null)) continue;
        depths.push(corners[0][2]);
        colourInto(colour, 0, frame, key, index, scale);
        const packed = (255 << 24) | (colour[2] << 16) | (colour[1] << 8) | colour[0];
        for (let part = 0; part < fill * fill; part += 1) {
          places.push(...between(corners, (part % fill) / fill, Math.floor(part / fill) / fill));
          colours.push(packed);
        }
      }
    }
    depths.sort((p, q) => p - q);
    this.pivot = depths[Math.floor(0.4 * depths.length)] ?? 1;
    this.step = step / fill;
    return { places: Float32Array.from(places), colours: Uint32Array.from(colours, (c) => c >>> 0) };
  }

  request() {
    if (this.pending) return;
    this.pending = requestAnimationFrame((now) => {
      this.pending = 0;
      this.tick(now);
    });
  }

  tick(now) {
    if (!this.isSeen || !this.points) {
      if (!this.points) this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      return;
    }
    if (this.isTurning) {
      const passed = Math.min(now - (this.before ?? now), 100);
      this.phase += passed / 2400;
      this.yaw = SWAY * Math.sin(this.phase);
      this.pitch += (0.16 - this.pitch) * Math.min(passed / 900, 1);
    }
    this.before = now;
    this.draw();
    if (this.isTurning) this.request();
  }

  // Metres in the camera's axes -> [x, y, metres ahead] on the canvas.
  projector(width, height) {
    const { numbers, columns, rows } = this.frame;
    const scale = Math.min(width / columns, height / rows);
    const focal = numbers.lens.fx * scale;
    const [sy, cy, sp, cp] = [Math.sin(this.yaw), Math.cos(this.yaw), Math.sin(this.pitch), Math.cos(this.pitch)];
    const pivot = this.pivot;
    const away = pivot / this.zoom;
    return {
      focal,
      project: (x, y, z) => {
        const dz = z - pivot;
        const x1 = x * cy + dz * sy;
        const z1 = dz * cy - x * sy;
        const y2 = y * cp + z1 * sp;
        const z2 = z1 * cp - y * sp + away;
        return [width / 2 + (focal * x1) / z2, height / 2 + (focal * y2) / z2, z2];
      },
    };
  }

  draw() {
    const ratio = Math.min(devicePixelRatio || 1, 1.5);
    const width = Math.max(Math.round(this.canvas.clientWidth * ratio), 1);
    const height = Math.max(Math.round(this.canvas.clientHeight * ratio), 1);
    if (this.canvas.width !== width || this.canvas.height !== height || !this.picture) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.picture = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.picture.data.buffer);
      this.ahead = new Float32Array(width * height);
    }
    this.pixels.fill(0);
    this.ahead.fill(Infinity);
    const { focal, project } = this.projector(width, height);
    const { places, colours } = this.points;
    const fx = this.frame.numbers.lens.fx;
    for (let i = 0; i < colours.length; i += 1) {
      const z = places[3 * i + 2];
      const [x, y, z2] = project(places[3 * i], places[3 * i + 1], z);
      if (z2 < 0.02 * this.pivot) continue;
      const size = Math.min(Math.max(Math.ceil((1.05 * focal * this.step * z) / fx / z2), 1), LARGEST_DOT);
      this.dot(Math.round(x - size / 2), Math.round(y - size / 2), size, z2, colours[i], width, height);
    }
    this.context.putImageData(this.picture, 0, 0);
    this.drawMeasured(project);
  }

  dot(left, top, size, ahead, colour, width, height) {
    for (let y = Math.max(top, 0); y < Math.min(top + size, height); y += 1) {
      for (let x = Math.max(left, 0); x < Math.min(left + size, width); x += 1) {
        const at = y * width + x;
        if (ahead < this.ahead[at]) {
          this.ahead[at] = ahead;
          this.pixels[at] = colour;
        }
      }
    }
  }

  drawMeasured(project) {
    const ends = (this.measured ?? []).map(({ x, y }) => pointOf(this.frame, x, y)).filter(Boolean);
    const places = ends.map((point) => project(...point)).filter(([, , ahead]) => ahead > 0);
    const { context } = this;
    const style = getComputedStyle(this.canvas);
    context.lineWidth = 2.5;
    context.strokeStyle = style.getPropertyValue("--accent");
    if (places.length === 2) {
      context.beginPath();
      context.moveTo(places[0][0], places[0][1]);
      context.lineTo(places[1][0], places[1][1]);
      context.stroke();
    }
    places.forEach(([x, y], number) => {
      context.beginPath();
      context.arc(x, y, 6, 0, 7);
      context.fillStyle = style.getPropertyValue(number ? "--b" : "--a");
      context.fill();
      context.strokeStyle = "#fff";
      context.stroke();
    });
  }

  move(dx, dy) {
    if (this.isTurning) {
      this.isTurning = false;
      this.onStop();
    }
    this.yaw -= dx;
    this.pitch = Math.min(Math.max(this.pitch + dy, -1.5), 1.5);
    this.request();
  }

  near(factor) {
    this.zoom = Math.min(Math.max(this.zoom * factor, 0.3), 12);
    this.request();
  }

  listen() {
    const held = new Map();
    const spread = () => {
      const [p, q] = [...held.values()];
      return Math.hypot(p.x - q.x, p.y - q.y);
    };
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) return;
      const wide = held.size === 2 ? spread() : 0;
      held.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (wide) this.near(spread() / wide);
      else this.move((event.clientX - before.x) / 200, (event.clientY - before.y) / 200);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => held.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.near(Math.exp(-event.deltaY / 600));
    }, { passive: false });
    const keys = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
    canvas.addEventListener("keydown", (event) => {
      if (keys[event.key]) this.move(...keys[event.key]);
      else if (event.key === "+" || event.key === "=") this.near(1.15);
      else if (event.key === "-") this.near(1 / 1.15);
      else return;
      event.preventDefault();
    });
  }
}
