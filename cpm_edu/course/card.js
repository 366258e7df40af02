// A question: a form whose answer the kernel judges. State lives in the model, so that every view shows the same.

const PATIENCE_MS = 8000; // then the reader is told why nothing may be happening
let cards = 0;

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function render({ model, el }) {
  const group = `cpm-card-${++cards}`; // radio buttons of one view belong together
  const heading = make("span", { className: "cpm-heading" });
  const question = make("span");
  const fields = make("div");
  const answer = make("button", { type: "submit", className: "cpm-main", textContent: "Answer" });
  const skip = make("button", { type: "button", textContent: "Skip and show" });
  const again = make("button", { type: "button", textContent: "Predict again" });
  const waiting = make("div", { className: "cpm-waiting" });
  const fieldset = make("fieldset", {}, make("legend", {}, heading, question), fields);
  const buttons = make("div", { className: "cpm-buttons" }, answer, skip);
  const result = make("div", { className: "cpm-result", tabIndex: -1 });
  const note = make("p", { className: "cpm-note" });
  const parts = [fieldset, buttons, waiting, result, note, again];
  const form = make("form", { className: "cpm-card", noValidate: true }, ...parts);
  waiting.setAttribute("role", "status");
  result.setAttribute("role", "status");
  el.append(form);

  let number = null; // the text field, where a number is asked for
  let patience = 0;
  let had_focus = false;

  function build_fields() {
    const options = model.get("options");
    number = options.length ? null : make("input", { type: "text", inputMode: "decimal", autocomplete: "off" });
    if (number) {
      const unit = make("span", { textContent: model.get("unit") });
      fields.replaceChildren(make("label", { className: "cpm-number" }, "Your number:", number, unit));
      return;
    }
    fields.replaceChildren(
      ...options.map((option, place) => {
        const radio = make("input", { type: "radio", name: group, value: String(place) });
        return make("label", {}, radio, make("span", { innerHTML: option }));
      }),
    );
  }

  function draw() {
    const asking = model.get("asking");
    const said = model.get("said");
    heading.textContent = model.get("heading");
    question.innerHTML = model.get("question");
    fieldset.disabled = !asking;
    buttons.hidden = !asking;
    skip.hidden = !model.get("can_skip");
    again.hidden = asking;
    if (number && said !== "") number.value = said;
    for (const label of fields.querySelectorAll("label")) {
      const radio = label.querySelector("input[type=radio]");
      if (radio && said !== "") radio.checked = radio.value === said;
      label.classList.toggle("cpm-said", !asking && Boolean(radio ? radio.checked : number.value));
    }
    if (result.innerHTML !== model.get("result")) result.innerHTML = model.get("result");
    note.textContent = model.get("note");
    note.hidden = !note.textContent;
  }

  function value() {
    if (!number) return form.querySelector("input[type=radio]:checked")?.value ?? "";
    const unit = model.get("unit").trim();
    let text = number.value.trim().replace("−", "-");
    if (unit && text.endsWith(unit)) text = text.slice(0, -unit.length).trim();
    if (/^[-+]?\d+,\d+$/.test(text)) text = text.replace(",", ".");
    return text !== "" && Number.isFinite(Number(text)) ? String(Number(text)) : "";
  }

  function send(message) {
    had_focus = form.contains(document.activeElement);
    waiting.textContent = "Working …";
    for (const button of [answer, skip, again]) button.disabled = true;
    clearTimeout(patience);
    patience = setTimeout(() => {
      waiting.textContent =
        "No reply yet. The kernel may be busy with another cell; if it was restarted, run this cell again.";
      for (const button of [answer, skip, again]) button.disabled = false;
    }, PATIENCE_MS);
    try {
      model.send(message);
    } catch {
      waiting.textContent = "The kernel is gone. Run this cell again.";
    }
  }

  function settled() {
    clearTimeout(patience);
    waiting.textContent = "";
    for (const button of [answer, skip, again]) button.disabled = false;
    draw();
    // a button that vanished took the focus with it, and Lab would read the next keys as commands
    if (!had_focus) return;
    had_focus = false;
    if (!model.get("asking")) result.focus({ preventScroll: true });
    else if (!model.get("result")) (fields.querySelector("input:checked") ?? fields.querySelector("input")).focus({ preventScroll: true });
    else answer.focus({ preventScroll: true });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (buttons.hidden || answer.disabled) return;
    const text = value();
    if (text === "") {
      waiting.textContent = number ? "A number is needed, such as 3.5." : "Choose one first.";
      fields.querySelector("input")?.focus();
    } else send({ do: "answer", value: text });
  });
  skip.addEventListener("click", () => send({ do: "skip" }));
  again.addEventListener("click", () => send({ do: "again" }));
  // Lab would move between cells, or delete them, on the keys of a radio group
  form.addEventListener("keydown", (event) => {
    const runs_cell = event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey);
    if (event.key !== "Escape" && !runs_cell) event.stopPropagation();
  });

  build_fields();
  draw();
  model.on("change:turn", settled);
  model.on("change:asking change:result change:said change:note", draw);
  return () => {
    clearTimeout(patience);
    model.off("change:turn", settled);
    model.off("change:asking change:result change:said change:note", draw);
  };
}

export default { render };
