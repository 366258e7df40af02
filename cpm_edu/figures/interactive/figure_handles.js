// Handles: elements over the canvas that take pointer, touch and arrow keys. A press beside one moves it there when it
// is the panel's only one; otherwise it must be near.
const NEAR_PX = 28;
const within = (value, low, high) => Math.min(Math.max(value, Math.min(low, high)), Math.max(low, high));

function handlesOf(stage, canvas, store, zoomNow) {
  const nodes = new Map();
  let dragged = null, moved = {};
  const panelOf = (handle) => store.frame.panels.find((p) => p.name === handle.panel);
  const find = (name) => store.frame?.handles.find((h) => h.name === name);
  const onScreen = (handle, at) => {
    const { left, top, size, view } = panelOf(handle);
    return [left + (at[0] - view[0]) / (view[2] - view[0]) * size[0], top + (at[1] - view[1]) / (view[3] - view[1]) * size[1]];
  };
  const inView = (handle, x, y) => {
    const { left, top, size, view } = panelOf(handle);
    return [view[0] + (x - left) / size[0] * (view[2] - view[0]), view[1] + (y - top) / size[1] * (view[3] - view[1])];
  };
  const held = (handle, at) => {
    const bounds = handle.bounds ?? panelOf(handle).view;
    return at.map((value, k) => {
      if (handle.axis !== "xy" && handle.axis !== "xy"[k]) value = handle.at[k];
      if (handle.snap) value = Math.round(value / handle.snap) * handle.snap;
      return within(value, bounds[k], bounds[k + 2]);
    });
  };
  const place = (handle, at) => {
    const node = nodes.get(handle.name), [x, y] = onScreen(handle, at), zoom = zoomNow();
    const digits = (v) => Number(v.toFixed(decimals(handle.step) + 1));
    node.style.transform = `translate(${x * zoom}px, ${y * zoom}px)`;
    const bounds = handle.bounds ?? panelOf(handle).view, k = handle.axis === "y" ? 1 : 0;
    node.setAttribute("aria-valuemin", Math.min(bounds[k], bounds[k + 2]));
    node.setAttribute("aria-valuemax", Math.max(bounds[k], bounds[k + 2]));
    node.setAttribute("aria-valuenow", digits(at[k]));
    const words = { x: `x ${digits(at[0])}`, y: `y ${digits(at[1])}`, xy: `x ${digits(at[0])}, y ${digits(at[1])}` };
    node.setAttribute("aria-valuetext", words[handle.axis]);
  };
  const move = (handle, at, ask) => {
    moved[handle.name] = held(handle, at);
    place(handle, moved[handle.name]);
    if (ask) store.post({ [handle.name]: moved[handle.name] });
  };

  const pointer = (event) => {
    const box = canvas.getBoundingClientRect(), zoom = zoomNow();
    return [(event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom];
  };
  const under = (event) => {
    if (!store.frame) return null;
    const [x, y] = pointer(event);
    const panel = store.frame.panels.find((p) => x >= p.left - 12 && y >= p.top - 12 && x <= p.left + p.size[0] + 12 && y <= p.top + p.size[1] + 12);
    const near = store.frame.handles.filter((h) => h.panel === panel?.name).map((h) => {
      const [hx, hy] = onScreen(h, moved[h.name] ?? h.at);
      return [Math.hypot(hx - x, hy - y), h];
    }).sort((a, b) => a[0] - b[0]);
    if (!near.length) return null;
    return near[0][0] <= NEAR_PX / zoomNow() || (near.length === 1 && event.pointerType === "mouse") ? near[0][1] : null;
  };
  stage.addEventListener("pointerdown", (event) => {
    const handle = event.button === 0 && !store.gone ? under(event) : null;
    if (!handle) return;
    event.preventDefault(); event.stopPropagation();
    nodes.get(handle.name).focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    const [hx, hy] = onScreen(handle, handle.at), [x, y] = pointer(event), close = Math.hypot(hx - x, hy - y) <= NEAR_PX / zoomNow();
    dragged = { name: handle.name, id: event.pointerId, dx: close ? hx - x : 0, dy: close ? hy - y : 0 };
    if (!close) move(handle, inView(handle, x, y), !handle.on_release);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!dragged) { stage.style.cursor = under(event) ? "grab" : ""; return; }
    const handle = dragged.id === event.pointerId && find(dragged.name);
    if (!handle) return;
    const [x, y] = pointer(event);
    move(handle, inView(handle, x + dragged.dx, y + dragged.dy), !handle.on_release);
  });
  const release = (event) => {
    if (!dragged || dragged.id !== event.pointerId) return;
    const handle = find(dragged.name);
    dragged = null;
    if (handle?.on_release && moved[handle.name]) store.post({ [handle.name]: moved[handle.name] });
  };
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(type, release);

  const key = (name) => (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const handle = find(name);
    if (!step || !handle || store.gone || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const { view } = panelOf(handle), size = Math.max(handle.step, handle.snap) * (event.shiftKey ? 10 : 1);
    const at = moved[name] ?? handle.at, sign = [Math.sign(view[2] - view[0]), Math.sign(view[3] - view[1])];
    move(handle, at.map((value, k) => value + step[k] * sign[k] * size), true);
  };

  const create = (handle) => {
    const node = element("div", { class: "cpm-handle", role: "slider", tabindex: 0, "data-name": handle.name, "aria-roledescription": "movable point" });
    node.addEventListener("keydown", key(handle.name));
    nodes.set(handle.name, node);
    stage.append(node);
    return node;
  };
  const draw = (node, { shape, radius, color }) => {
    const look = `${shape} ${radius} ${color}`, open = ["ring", "cross", "plus"].includes(shape);
    if (node.look === look) return;
    node.look = look;
    const paths = { circle: `<circle r="${radius}"/>`, ring: `<circle r="${radius}"/>`, square: `<rect x="${-radius}" y="${-radius}" width="${2 * radius}" height="${2 * radius}"/>`,
      diamond: `<path d="M0-1.4 1.4 0 0 1.4-1.4 0Z" transform="scale(${radius})" vector-effect="non-scaling-stroke"/>`, triangle: `<path d="M0-${radius} ${radius} ${radius}-${radius} ${radius}Z"/>`,
      cross: `<path d="M-${radius}-${radius} ${radius} ${radius}M-${radius} ${radius} ${radius}-${radius}"/>`, plus: `<path d="M-${radius} 0H${radius}M0-${radius}V${radius}"/>` };
    const style = open ? [["#fff", 6], [color, 3]].map(([c, w]) => `<g fill="none" stroke="${c}" stroke-width="${w}">${paths[shape]}</g>`).join("")
      : `<g fill="${color}" stroke="#fff" stroke-width="1.6">${paths[shape]}</g>`;
    node.innerHTML = `<svg width="36" height="36" viewBox="-18 -18 36 36" aria-hidden="true">${style}</svg>`;
  };
  return {
    show(frame) {
      for (const [name, node] of nodes) if (!frame.handles.some((h) => h.name === name)) { node.remove(); nodes.delete(name); }
      for (const handle of frame.handles) {
        const node = nodes.get(handle.name) ?? create(handle);
        node.setAttribute("aria-label", handle.label);
        draw(node, handle);
        // The reader's own position stays until the kernel has answered about it; then the frame's counts.
        if (!store.asks(handle.name) && !(dragged?.name === handle.name && handle.on_release)) delete moved[handle.name];
        place(handle, moved[handle.name] ?? handle.at);
      }
    },
  };
}
