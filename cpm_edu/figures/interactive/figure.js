// The figure in the page: controls and handles in, frames out. One store a widget, shared by all its views.
// A moved handle shows at once; the kernel's answer follows. One question at a time, the newest wins.
const BUSY_AFTER_MS = 1500, LOST_AFTER_MS = 20000, KEPT_RASTERS = 96, PIECE = 1 << 20, LEAST_ZOOM = 0.45;
const BUSY = "Waiting for the kernel: it is busy with something else, or gone. If nothing moves for long, run this cell again.";
const GONE = "The kernel that drew this figure is gone: run this cell again to bring it back to life.";
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

class Store {
  constructor(model) {
    this.model = model;
    this.me = Math.random().toString(36).slice(2);
    this.views = new Set();
    this.bitmaps = new Map();
    this.values = Object.fromEntries(model.get("about").controls.map((c) => [c.name, c.value ?? 0]));
    this.frame = null; this.numbers = null; this.error = ""; this.note = "";
    this.pending = null;     // values the kernel has not been asked about yet
    this.request = 0; this.asked = 0;  // the number of the question in flight, and when it was asked; 0: none
    this.playing = ""; this.gone = false;
    model.on("msg:custom", (message, buffers) => this.hear(message, buffers));
    model.on("comm_live_update", () => this.doubt());
    this.hello();
  }

  send(message, buffers = []) {
    try {
      this.model.send({ from: this.me, ...message }, undefined, buffers.map((b) => b.buffer ?? b));
    } catch { this.lose(); }
  }
  hello() { this.send({ kind: "hello" }); this.watch(); }
  // Something happened to the connection: is the kernel's side of this figure still there?
  doubt() {
    clearTimeout(this.verdict);
    this.verdict = setTimeout(() => this.lose(), BUSY_AFTER_MS);
    this.hello();
  }
  lose() { this.gone = true; this.playing = ""; this.error = GONE; this.tell(); }
  tell() { for (const view of this.views) view(); }

  // Keep values for the next question and ask it, unless one is in flight.
  post(values) {
    Object.assign(this.values, values);
    this.pending = { ...this.pending, ...values };
    this.ask();
  }
  ask() {
    if (!this.pending || this.gone) return;
    if (this.asked && performance.now() - this.asked < LOST_AFTER_MS) return;
    this.asking = this.pending;
    this.pending = null;
    this.begin({ kind: "set", values: this.asking });
  }
  begin(message, buffers) {
    this.asked = performance.now();
    this.send({ request: ++this.request, ...message }, buffers);
    this.watch();
  }
  watch() {
    clearTimeout(this.alarm);
    this.alarm = setTimeout(() => { if (!this.gone) { this.note = BUSY; this.tell(); } }, BUSY_AFTER_MS);
  }
  asks(name) { return Boolean((this.asked && this.asking?.[name]) || this.pending?.[name]); }
  reset() { this.pending = null; this.playing = ""; this.begin({ kind: "reset" }); }

  async upload(control, file) {
    if (file.size > control.most_bytes) {
      this.error = `${file.name} has ${(file.size / 1e6).toFixed(0)} MB; at most ${(control.most_bytes / 1e6).toFixed(0)} MB can be opened here.`;
      return this.tell();
    }
    let bytes;
    try { bytes = await file.arrayBuffer(); } catch {
      this.error = `${file.name}: the browser cannot read this file. If it was moved or changed, choose it again.`;
      return this.tell();
    }
    const piece = (offset) => {
      this.next = file.size > offset + PIECE ? piece : null;
      const part = bytes.slice(offset, offset + PIECE);
      this.begin({ kind: "upload", name: control.name, file: file.name, size: file.size, offset }, [part]);
    };
    piece(0);
  }

  play(control) {
    const step = () => this.post({ [control.name]: (this.values[control.name] ?? 0) + 1 });
    if (calm()) return step();
    this.playing = this.playing === control.name ? "" : control.name;
    this.pace = 1000 / control.per_second; this.step = step;
    if (this.playing) step();
    this.tell();
  }

  go() {
    if (!this.playing || this.asked) return;
    if (!this.views.size) { this.playing = ""; return; }
    if (document.hidden) { setTimeout(() => this.go(), 500); return; }
    this.step();
  }

  hear(message, buffers) {
    clearTimeout(this.alarm); clearTimeout(this.verdict);
    this.note = "";
    if (message.to === this.me && message.request === this.request) {
      this.took = performance.now() - this.asked;
      this.asked = 0;
      if (message.kind === "more") { this.note = `Sending the file: ${(message.received / 1e6).toFixed(1)} MB.`; this.tell(); return this.next(message.received); }
    }
    if (message.kind === "more") return;
    this.error = message.error;
    this.values = { ...message.values, ...this.pending };
    if (message.panels && !this.adopt(message, buffers)) return this.hello();
    this.tell();
    if (message.error) this.playing = "";
    if (this.pending) this.ask();
    else if (this.playing && !this.asked) { clearTimeout(this.timer); this.timer = setTimeout(() => this.go(), Math.max(0, this.pace - this.took)); }
  }

  // The message's frame becomes the one shown; false when a raster of it is not here.
  adopt(message, buffers) {
    const bytes = buffers.map((b) => (b instanceof ArrayBuffer ? b : b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)));
    const rasters = message.panels.flatMap((p) => p.marks.filter((m) => m.mark === "raster"));
    message.rasters.forEach((key, i) => this.bitmaps.set(key, bitmapOf(new Uint8Array(bytes[i + 1]), rasters.find((m) => m.key === key))));
    for (const { key } of rasters) {
      const bitmap = this.bitmaps.get(key);
      if (!bitmap) return false;
      this.bitmaps.delete(key); this.bitmaps.set(key, bitmap);  // the youngest last
    }
    for (const key of this.bitmaps.keys()) if (this.bitmaps.size > KEPT_RASTERS) this.bitmaps.delete(key);
    this.frame = message; this.numbers = new Float32Array(bytes[0]);
    return true;
  }
}

// ---- one view

const element = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const decimals = (step) => Math.min(4, (`${step}`.split(".")[1] ?? "").length);

// A control's element and how to show the store's value in it.
function controlOf(control, store) {
  const { name, label, kind } = control, words = element("span", {}, label);
  if (kind === "slider") {
    const input = element("input", { type: "range", min: control.low, max: control.high, step: control.step, "data-name": name });
    const value = element("span", { class: "cpm-value", "aria-hidden": "true" });
    const write = (number) => {
      value.textContent = `${Number(number).toFixed(decimals(control.step))}${control.unit ? ` ${control.unit}` : ""}`;
      input.setAttribute("aria-valuetext", value.textContent);
    };
    input.addEventListener("input", () => { write(input.value); if (!control.on_release) store.post({ [name]: Number(input.value) }); });
    input.addEventListener("change", () => { if (control.on_release) store.post({ [name]: Number(input.value) }); });
    let held = false;
    input.addEventListener("pointerdown", () => { held = true; });
    for (const end of ["pointerup", "pointercancel", "blur"]) input.addEventListener(end, () => { held = false; });
    const show = () => { if (!held) { input.value = store.values[name]; write(input.value); } };
    return [element("label", { class: "cpm-control" }, words, input, value), show];
  }
  if (kind === "choice") {
    const input = element("select", { "data-name": name }, ...control.options.map((o) => element("option", { value: o }, o)));
    input.addEventListener("change", () => store.post({ [name]: input.value }));
    return [element("label", { class: "cpm-control" }, words, input), () => { input.value = store.values[name]; }];
  }
  if (kind === "toggle") {
    const input = element("input", { type: "checkbox", "data-name": name });
    input.addEventListener("change", () => store.post({ [name]: input.checked }));
    return [element("label", { class: "cpm-control" }, input, words), () => { input.checked = Boolean(store.values[name]); }];
  }
  if (kind === "upload") {
    const input = element("input", { type: "file", accept: control.accept, "data-name": name });
    input.addEventListener("change", () => { if (input.files[0]) store.upload(control, input.files[0]); });
    return [element("label", { class: "cpm-control" }, words, input), () => { if (!store.values[name]) input.value = ""; }];
  }
  const button = element("button", { type: "button", "data-name": name }, label);
  if (kind === "button") {
    button.addEventListener("click", () => store.post({ [name]: (store.values[name] ?? 0) + 1 }));
    return [button, () => {}];
  }
  button.addEventListener("click", () => store.play(control));
  return [button, () => {
    const on = store.playing === name;
    button.setAttribute("aria-pressed", on);
    button.textContent = calm() ? `${label}: one step` : `${on ? "❚❚ Pause" : "▶ " + label}`;
  }];
}

function render({ model, el }) {
  const store = storeOf(model), about = model.get("about");
  const root = element("div", { class: "cpm-figure", role: "group", "aria-label": about.title, "data-lm-suppress-shortcuts": "true" });
  const canvas = element("canvas", { role: "img", "aria-label": about.alt });
  const stage = element("div", { class: "cpm-stage" }, canvas), described = element("ul", { class: "cpm-unseen" });
  const status = element("output", { class: "cpm-status", "aria-live": "polite" });
  const controls = about.controls.map((control) => controlOf(control, store));
  const reset = element("button", { type: "button", "data-name": "reset" }, "Reset");
  reset.addEventListener("click", () => store.reset());
  root.append(element("p", { class: "cpm-title" }, about.title));
  if (about.hint) root.append(element("p", { class: "cpm-hint" }, about.hint));
  root.append(element("div", { class: "cpm-controls" }, ...controls.map(([node]) => node), reset), stage, described, status);
  for (const type of ["keydown", "keypress", "keyup"]) root.addEventListener(type, (event) => event.stopPropagation());
  el.append(root);

  let shown = null, zoom = 1;
  const handles = handlesOf(stage, canvas, store, () => zoom);
  const draw = () => {
    const { frame } = store, room = root.clientWidth - 28;
    if (frame && room > 0) {
      zoom = Math.min(1, Math.max(LEAST_ZOOM, room / frame.width));
      const dots = zoom * (window.devicePixelRatio || 1);
      if (shown !== frame || canvas.dots !== dots) {
        paint(canvas, frame, store.numbers, store.bitmaps, dots);
        Object.assign(canvas.style, { width: `${frame.width * zoom}px`, height: `${frame.height * zoom}px` });
        canvas.dots = dots;
        if (shown !== frame) {
          const lines = frame.panels.filter((p) => p.describe).map((p) => element("li", {}, p.describe));
          described.replaceChildren(...lines);
        }
        shown = frame;
      }
      handles.show(frame);
    }
    for (const [, show] of controls) show();
    const words = store.error || store.note || frame?.status || "Waiting for the first picture.";
    if (status.textContent !== words) status.textContent = words;
    status.classList.toggle("cpm-wrong", Boolean(store.error));
    stage.classList.toggle("cpm-dimmed", Boolean(store.error));
  };
  const observer = new ResizeObserver(draw);
  observer.observe(root);
  store.views.add(draw);
  draw();
  return () => { observer.disconnect(); store.views.delete(draw); };
}

const stores = new Map();
function storeOf(model) {
  const key = model.get("_key");
  if (!stores.has(key)) stores.set(key, new Store(model));
  return stores.get(key);
}

export default { initialize({ model }) { storeOf(model); }, render };
