// The maps of a frame: a safetensors file (length of the header, header in JSON, values).

const TYPES = { F32: Float32Array, U16: Uint16Array, U8: Uint8Array, BOOL: Uint8Array };

export function parseMaps(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const numbers = JSON.parse(header.__metadata__.numbers);
  const map = (name) => {
    const entry = header[name];
    if (!entry) return null;
    const [begin, end] = entry.data_offsets;
    const type = TYPES[entry.dtype];
    return new type(buffer, 8 + length + begin, (end - begin) / type.BYTES_PER_ELEMENT);
  };
  return {
    numbers,
    rows: numbers.rows,
    columns: numbers.columns,
    depth: map("depth_m"),
    structure: map("structure"),
    error: map("relative_error"),
    thermal: map("thermal"),
    sky: map("sky"),
    rays: map("rays"),
  };
}

// Whether a pixel has a depth: sky has none.
export function hasDepth(frame, index) {
  const depth = frame.depth[index];
  return depth > 0 && Number.isFinite(depth) && !(frame.sky && frame.sky[index]);
}

// [right, down, ahead] in metres of a pixel's middle; null without a depth or without a lens.
export function pointOf(frame, x, y) {
  const index = y * frame.columns + x;
  const lens = frame.numbers.lens;
  if (!lens || !hasDepth(frame, index)) return null;
  const depth = frame.depth[index];
  if (frame.rays) {
    const size = frame.rows * frame.columns;
    const point = [0, 1, 2].map((axis) => frame.rays[axis * size + index] * depth);
    return point.every(Number.isFinite) ? point : null;
  }
  return [((x + 0.5 - lens.cx) / lens.fx) * depth, ((y + 0.5 - lens.cy) / lens.fy) * depth, depth];
}

export function distanceBetween(frame, a, b) {
  const [p, q] = [pointOf(frame, a.x, a.y), pointOf(frame, b.x, b.y)];
  return p && q ? Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) : null;
}

// Values at these shares of the sorted ones, of at most some ten thousand of them.
export function percentiles(values, shares, keep = () => true) {
  const step = Math.max(1, Math.floor(values.length / 40000));
  const sample = [];
  for (let i = 0; i < values.length; i += step) {
    if (Number.isFinite(values[i]) && keep(i)) sample.push(values[i]);
  }
  sample.sort((p, q) => p - q);
  if (!sample.length) return null;
  return shares.map((share) => sample[Math.round(share * (sample.length - 1))]);
}
