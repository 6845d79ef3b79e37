// Without this file every page works; with it, parts marked data-part follow the server's events.
"use strict";

(() => {
  const live = document.body.dataset.live;
  if (!live || !window.EventSource) return;
  const state = document.querySelector(".live-state");
  const source = new EventSource(live);

  // The server renders the parts with the templates of the page, which escape all values.
  source.addEventListener("part", (event) => {
    const { name, html } = JSON.parse(event.data);
    const part = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
    if (!part || part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button")) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = html;
    if (focused) document.getElementById(focused)?.focus();
  });
  source.addEventListener("rows", (event) => {
    const list = document.querySelector("[data-rows]");
    if (!list) return;
    const follows = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
    list.insertAdjacentHTML("beforeend", JSON.parse(event.data).join(""));
    while (list.children.length > Number(list.dataset.rows)) list.firstElementChild.remove();
    if (follows) window.scrollTo(0, document.body.scrollHeight);
  });
  const show = (text) => { if (state) { state.hidden = false; state.textContent = text; } };
  source.addEventListener("open", () => show("live"));
  source.addEventListener("error", () => show("not live: reconnecting"));
  window.addEventListener("pagehide", () => source.close());
})();
