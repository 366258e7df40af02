// Paints a packed frame (wire.py) on a canvas. Everything is placed already: numbers are pixels of the whole picture.
const INK = "#1b1b1b", AXIS = "#444444";
const LETTERS = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif', MONO = '"DejaVu Sans Mono", monospace';
const EMPTY = 255;

const colorTables = {};
function colorTable(name) {
  if (!colorTables[name]) {
    const digits = PALETTES[name];
    const table = new Uint32Array(256);  // little-endian RGBA; the last one, EMPTY, stays transparent
    for (let i = 0; i < EMPTY; i++) {
      const rgb = parseInt(digits.slice(6 * i, 6 * i + 6), 16);
      table[i] = ((255 << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
    }
    colorTables[name] = table;
  }
  return colorTables[name];
}

// A raster's bytes as a small canvas, made once.
function bitmapOf(bytes, { columns, rows, kind }) {
  const canvas = document.createElement("canvas");
  canvas.width = columns; canvas.height = rows;
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  if (PALETTES[kind]) {
    const words = new Uint32Array(image.data.buffer), table = colorTable(kind);
    for (let i = 0; i < bytes.length; i++) words[i] = table[bytes[i]];
  } else if (kind.startsWith("4")) {
    image.data.set(bytes);
  } else {
    for (let i = 0, j = 0; i < bytes.length; i += 3, j += 4) {
      image.data[j] = bytes[i]; image.data[j + 1] = bytes[i + 1]; image.data[j + 2] = bytes[i + 2];
      image.data[j + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const each = (value, i) => (Array.isArray(value) ? value[i] : value);

function polyline(g, points, closed) {
  g.beginPath();
  let down = false;
  for (let i = 0; i < points.length; i += 2) {
    if (Number.isNaN(points[i]) || Number.isNaN(points[i + 1])) { down = false; continue; }
    if (down) g.lineTo(points[i], points[i + 1]); else g.moveTo(points[i], points[i + 1]);
    down = true;
  }
  if (closed) g.closePath();
}

// The outline of a marker; crosses, pluses and rings are strokes, the others are filled.
function markerPath(shape, x, y, r) {
  const path = new Path2D();
  if (shape === "circle" || shape === "ring") path.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") path.rect(x - r, y - r, 2 * r, 2 * r);
  else if (shape === "cross") {
    path.moveTo(x - r, y - r); path.lineTo(x + r, y + r); path.moveTo(x - r, y + r); path.lineTo(x + r, y - r);
  } else if (shape === "plus") {
    path.moveTo(x - r, y); path.lineTo(x + r, y); path.moveTo(x, y - r); path.lineTo(x, y + r);
  } else {
    const corners = shape === "diamond" ? [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]] : [[0, -1], [1, 1], [-1, 1]];
    corners.forEach(([dx, dy], i) => path[i ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
    path.closePath();
  }
  return path;
}

const MARKS = {
  raster(g, m, at, bitmaps) {
    const [left, top, right, low] = at(m.box), bitmap = bitmaps.get(m.key);
    if (!bitmap) return;
    g.imageSmoothingEnabled = m.smooth;
    g.globalAlpha = m.opacity;
    g.drawImage(bitmap, left, top, right - left, low - top);
  },
  line(g, m, at) {
    polyline(g, at(m.points), m.closed);
    g.globalAlpha = m.opacity;
    if (m.fill) { g.fillStyle = m.fill; g.fill(); }
    if (!(m.width > 0)) return;
    g.strokeStyle = m.color; g.lineWidth = m.width; g.setLineDash(m.dash);
    g.lineJoin = "round"; g.lineCap = m.dash.length ? "butt" : "round";
    g.stroke();
  },
  dots(g, m, at) {
    const points = at(m.points), thick = Math.max(2, m.radius / 3.2);
    const stroked = ["ring", "cross", "plus"].includes(m.shape);
    g.globalAlpha = m.opacity;
    for (let i = 0; i < points.length / 2; i++) {
      if (!Number.isFinite(points[2 * i]) || !Number.isFinite(points[2 * i + 1])) continue;
      const path = markerPath(m.shape, points[2 * i], points[2 * i + 1], m.radius);
      if (stroked) {
        if (m.edge) { g.strokeStyle = m.edge; g.lineWidth = thick + 3; g.stroke(path); }
        g.strokeStyle = each(m.color, i); g.lineWidth = thick; g.stroke(path);
      } else {
        g.fillStyle = each(m.color, i); g.fill(path);
        if (m.edge) { g.strokeStyle = m.edge; g.lineWidth = 1.2; g.stroke(path); }
      }
    }
  },
  rects(g, m, at) {
    const b = at(m.boxes);
    g.globalAlpha = m.opacity; g.lineWidth = m.width;
    for (let i = 0; i < b.length / 4; i++) {
      const box = [b[4 * i], b[4 * i + 1], b[4 * i + 2] - b[4 * i], b[4 * i + 3] - b[4 * i + 1]];
      const fill = each(m.fill, i), edge = each(m.edge, i);
      if (fill) { g.fillStyle = fill; g.fillRect(...box); }
      if (edge && m.width > 0) { g.strokeStyle = edge; g.strokeRect(...box); }
    }
    g.font = `${m.label_size}px ${LETTERS}`; g.textAlign = "center"; g.textBaseline = "middle";
    m.labels.forEach((label, i) => {
      g.fillStyle = each(m.label_color, i);
      g.fillText(label, (b[4 * i] + b[4 * i + 2]) / 2, (b[4 * i + 1] + b[4 * i + 3]) / 2 + 1);
    });
  },
  arrows(g, m, at) {
    const a = at(m.start), b = at(m.end);
    g.lineWidth = m.width; g.lineCap = "butt";
    for (let i = 0; i < a.length; i += 2) {
      const dx = b[i] - a[i], dy = b[i + 1] - a[i + 1], length = Math.hypot(dx, dy);
      if (!(length > 0)) continue;
      const head = Math.min(4 + 2.5 * m.width, length), ux = dx / length, uy = dy / length;
      const x = b[i] - ux * head, y = b[i + 1] - uy * head;
      g.strokeStyle = g.fillStyle = each(m.color, i / 2);
      g.beginPath(); g.moveTo(a[i], a[i + 1]); g.lineTo(x, y); g.stroke();
      g.beginPath(); g.moveTo(b[i], b[i + 1]);
      g.lineTo(x - uy * head / 2, y + ux * head / 2); g.lineTo(x + uy * head / 2, y - ux * head / 2); g.fill();
    }
  },
  texts(g, m, at) {
    const points = at(m.points), step = m.size * 1.25;
    g.font = `${m.bold ? "bold " : ""}${m.size}px ${m.mono ? MONO : LETTERS}`;
    g.textAlign = m.align; g.textBaseline = "middle";
    for (let i = 0; i < points.length / 2; i++) {
      const x = points[2 * i], lines = each(m.texts, i).split("\n");
      if (!Number.isFinite(x) || !Number.isFinite(points[2 * i + 1])) continue;
      const top = points[2 * i + 1] - step * (lines.length - 1) / 2;
      if (m.back) {
        const width = Math.max(...lines.map((line) => g.measureText(line).width));
        const left = x - width * { left: 0, center: 0.5, right: 1 }[m.align];
        g.fillStyle = m.back; g.fillRect(left - 3, top - step / 2 - 2, width + 6, step * lines.length + 4);
      }
      g.fillStyle = each(m.color, i);
      lines.forEach((line, k) => g.fillText(line, x, top + k * step + 1));
    }
  },
};

function axes(g, p) {
  const [width, height] = p.size, low = p.top + height;
  g.strokeStyle = AXIS; g.lineWidth = 1;
  if (p.frame) g.strokeRect(Math.round(p.left) - 0.5, Math.round(p.top) - 0.5, width + 1, height + 1);
  g.fillStyle = INK; g.font = `bold 13px ${LETTERS}`; g.textAlign = "left"; g.textBaseline = "alphabetic";
  p.title.forEach((line, k) => g.fillText(line, p.left, p.top - 6 - 18 * (p.title.length - 1 - k)));
  g.fillStyle = AXIS; g.font = `12px ${LETTERS}`; g.beginPath();
  for (const [x, text] of p.x_ticks) {
    g.moveTo(x, low); g.lineTo(x, low + 4);
    g.textAlign = "center"; g.textBaseline = "top";
    text.split("\n").forEach((line, k) => g.fillText(line, x, low + 6 + 15 * k));
  }
  for (const [y, text] of p.y_ticks) {
    g.moveTo(p.left - 4, y); g.lineTo(p.left, y);
    g.textAlign = "right"; g.textBaseline = "middle"; g.fillText(text, p.left - 7, y + 1);
  }
  g.stroke();
  g.fillStyle = INK; g.textAlign = "center";
  if (p.x_label) {
    const lines = Math.max(0, ...p.x_ticks.map(([, text]) => text.split("\n").length));
    g.textBaseline = "top";
    g.fillText(p.x_label, p.left + width / 2, low + (lines ? 22 + 15 * (lines - 1) : 4));
  }
  if (p.y_label) {
    g.save(); g.translate(p.y_label_x, p.top + height / 2); g.rotate(-Math.PI / 2);
    g.textBaseline = "middle"; g.fillText(p.y_label, 0, 0); g.restore();
  }
}

// frame: the message; numbers: its Float32Array; bitmaps: canvases by raster key; zoom: dots per pixel.
function paint(canvas, frame, numbers, bitmaps, zoom) {
  const width = Math.round(frame.width * zoom), height = Math.round(frame.height * zoom);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const g = canvas.getContext("2d"), at = ([start, count]) => numbers.subarray(start, start + count);
  g.setTransform(1, 0, 0, 1, 0, 0);
  g.fillStyle = "#fff"; g.fillRect(0, 0, width, height);
  g.setTransform(zoom, 0, 0, zoom, 0, 0);
  for (const panel of frame.panels) {
    g.save();
    g.beginPath(); g.rect(panel.left, panel.top, ...panel.size); g.clip();
    for (const mark of panel.marks) { g.save(); MARKS[mark.mark](g, mark, at, bitmaps); g.restore(); }
    g.restore();
    axes(g, panel);
  }
}
