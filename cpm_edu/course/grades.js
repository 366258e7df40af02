// Pages of grades: sort tables by their heads, find rows, keep and save points given by hand. No server, no library.
(() => {
  const value = (cell) => cell.dataset.value ?? cell.textContent.trim();
  const compare = (a, b) => {
    const [x, y] = [parseFloat(a), parseFloat(b)];
    const both = !Number.isNaN(x) && !Number.isNaN(y) && `${a}`.match(/^[-\d.]+$/) && `${b}`.match(/^[-\d.]+$/);
    return both ? x - y : `${a}`.localeCompare(`${b}`, undefined, { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      button?.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const way = now === "ascending" ? "descending" : now === "descending" ? "ascending" : first;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", way);
        const rows = [...table.tBodies[0].rows];
        const sign = way === "ascending" ? 1 : -1;
        rows.sort((a, b) => sign * compare(value(a.cells[column]), value(b.cells[column])));
        table.tBodies[0].append(...rows);
      });
    });
  }
  for (const find of document.querySelectorAll("input.find")) {
    const table = document.getElementById(find.dataset.table);
    const told = document.getElementById(find.dataset.told);
    find.addEventListener("input", () => {
      const wanted = find.value.trim().toLowerCase();
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      told.textContent = wanted ? `${shown} of ${table.tBodies[0].rows.length} shown` : "";
    });
  }

  const forms = [...document.querySelectorAll("[data-give]")];
  if (!forms.length) return;
  const place = `cpm-edu ${document.title}`;
  const store = { get: () => { try { return JSON.parse(localStorage.getItem(place)) ?? {}; } catch { return {}; } },
    set: (kept) => { try { localStorage.setItem(place, JSON.stringify(kept)); } catch { /* a page of a file may not */ } } };
  const drafts = store.get();
  const told = document.getElementById("told");
  const count = () => {
    const done = forms.filter((form) => form.querySelector(".points").value !== "").length;
    told.textContent = `${done} of ${forms.length} have points`;
  };
  for (const form of forms) {
    const key = `${form.dataset.student}\n${form.dataset.exercise}`;
    const [points, comment] = [form.querySelector(".points"), form.querySelector(".comment")];
    if (drafts[key]) [points.value, comment.value] = drafts[key];
    for (const field of [points, comment]) field.addEventListener("input", () => {
      drafts[key] = [points.value, comment.value];
      store.set(drafts);
      count();
    });
  }
  count();
  const cell = (text) => `"${(/^\s*[=+\-@]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  document.getElementById("save").addEventListener("click", () => {
    const lines = ["student,exercise,points,comment"];
    for (const form of forms) {
      const [points, comment] = [form.querySelector(".points"), form.querySelector(".comment")];
      if (points.value !== "") lines.push([form.dataset.student, form.dataset.exercise, points.value, comment.value].map(cell).join(","));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = document.getElementById("save").dataset.file;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  document.getElementById("anonymous").addEventListener("change", (event) => document.body.classList.toggle("anonymous", event.target.checked));
})();
