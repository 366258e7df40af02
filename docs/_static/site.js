document.addEventListener("DOMContentLoaded", () => {
  // The name of a button is its visible words; the keys beside it are no part of the name.
  for (const keys of document.querySelectorAll(".search-button__kbd-shortcut")) keys.setAttribute("aria-hidden", "true");
  for (const named of document.querySelectorAll(".search-button-field, details.hide > summary")) {
    named.removeAttribute("aria-label");
  }
  // What is wider than its place scrolls; so that it does by keyboard too, it can be focused.
  for (const box of document.querySelectorAll("div.cell_output .output, div.cell_output pre, div.highlight pre")) {
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
  }
});
