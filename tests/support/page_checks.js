// What must be true of every page; each function returns the places that break it.
"use strict";

const place = (e) => {
  const name = e.className.baseVal ?? e.className;
  return `${e.tagName.toLowerCase()}${name ? "." + name : ""}: ${(e.textContent || e.value || "").trim().slice(0, 60)}`;
};

const ancestors = (e) => { const found = []; for (; e; e = e.parentElement) found.push(e); return found; };

function overflow() {
  if (document.documentElement.scrollWidth <= window.innerWidth) return [];
  const scrolls = (e) => ancestors(e.parentElement).some((each) => getComputedStyle(each).overflowX !== "visible");
  return [...document.body.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1 && !scrolls(e))
    .slice(0, 5).map(place);
}

// Source: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio
const channels = (text) => { const numbers = text.match(/[0-9.]+/g).map(Number); return numbers.length < 4 ? [...numbers, 1] : numbers; };
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);

function behind(e) {
  const layers = ancestors(e).flatMap((each) => {
    const shape = each.closest("svg") && each.tagName !== "svg" ? each.parentElement.querySelector(":scope > rect") : null;
    return [...(shape ? [getComputedStyle(shape).fill] : []), getComputedStyle(each).backgroundColor].map(channels);
  });
  return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
}

function lowContrast() {
  const found = new Map();
  const look = (e, style, what, opacity = 1) => {
    const color = channels(e instanceof SVGElement ? style.fill : style.color);
    const shown = opacity * ancestors(e).reduce((value, each) => value * Number(getComputedStyle(each).opacity), 1);
    const back = behind(e), reached = ratio(over([...color.slice(0, 3), color[3] * shown], back), back);
    if (reached < 4.5) found.set(style.color + back, `${reached.toFixed(2)} ${what}${place(e)}`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode());) {
    const e = text.parentElement;
    if (!text.data.trim() || !e.checkVisibility() || /^(script|title|option)$/i.test(e.tagName)) continue;
    look(e, getComputedStyle(e), "");
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]), textarea, select")) {
    look(e, getComputedStyle(e), "");
    const style = getComputedStyle(e, "::placeholder");
    if (e.placeholder) look(e, style, "placeholder of ", Number(style.opacity));
  }
  return [...found.values()];
}

function badStructure() {
  const found = [];
  const report = (what, selector, isBad = () => true) => {
    for (const e of document.querySelectorAll(selector)) if (isBad(e)) found.push(`${what}: ${place(e)}`);
  };
  report("no label", "input:not([type=hidden]), textarea, select", (e) => !e.labels.length && !e.ariaLabel);
  report("no name", "button, a[href]", (e) => !(e.textContent.trim() || e.ariaLabel));
  report("no text", "svg, img", (e) => !e.ariaLabel && !e.alt);
  report("no headers", "table", (e) => !e.querySelector("thead th"));
  report("no scope", "th", (e) => !e.scope);
  report("the id is taken", "[id]", (e) => document.getElementById(e.id) !== e);
  report("wrongly nested", "p form, p table, p dl, p pre, button button, a a");
  report("inline", "[style], [onclick], [onload], [onerror]");
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((e) => Number(e.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push("not one h1");
  if (levels.some((level, i) => i && level > levels[i - 1] + 1)) found.push(`levels of headings: ${levels}`);
  if (!document.querySelector("main") || !document.documentElement.lang || !document.title) found.push("no main");
  return found;
}

function hiddenFocus() {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  if (e === document.body) return []; // after the last element, before the first one
  const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return inside && shown ? [] : [`the focus cannot be seen: ${place(e)}`];
}
