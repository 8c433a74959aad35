// What every page must be like, told as a list of what is not so; called in the page with the width of the screen, as a
// page that is too wide makes a phone's own `innerWidth` grow.
(width) => {
  const wrong = [];
  const narrow = width <= 760;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const name = (e) => `<${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""}${e.className?.baseVal ?? (e.className ? "." + e.className : "")}> “${(e.textContent || e.value || "").trim().slice(0, 40)}”`;
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0 && !e.closest(narrow ? ".sr, .skip, .stacked thead" : ".sr, .skip");
  const check = (holds, what) => { if (!holds) wrong.push(what); };

  check(document.scrollingElement.scrollWidth <= width, `the page is ${document.scrollingElement.scrollWidth} wide on ${width}`);
  for (const e of all("body *").filter(shown)) {
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    const scrolls = e.closest(".scroll, pre, textarea");
    if (!scrolls) check(box.right <= width + 1 && box.left >= -1, `outside the screen: ${name(e)}`);
    const hides = ["hidden", "clip"].includes(style.overflowX) || style.textOverflow === "ellipsis";
    if (hides && !e.closest("svg, input")) check(e.scrollWidth <= e.clientWidth + 1, `text is cut off: ${name(e)}`);
  }
  for (const e of all(".scroll")) check(e.scrollWidth <= e.clientWidth + 1, `a table has to be scrolled sideways: ${name(e)}`);

  check(document.documentElement.lang, "the page has no language");
  check(document.title.trim(), "the page has no title");
  check(all("main").length === 1, "not one main landmark");
  check(all("nav").length >= 1 && all("nav").every((e) => e.getAttribute("aria-label")), "a navigation without a name");
  check(all("h1").length === 1, "not one h1");
  all("h1, h2, h3, h4").filter(shown).reduce((before, e) => {
    check(+e.tagName[1] <= before + 1, `a heading skips a level: ${name(e)}`);
    return +e.tagName[1];
  }, 0);
  const ids = all("[id]").map((e) => e.id);
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) wrong.push(`two elements are #${id}`);

  for (const e of all("input:not([type=hidden]), textarea, select")) check(e.labels?.length || e.ariaLabel, `no label: ${name(e)}`);
  for (const e of all("a, button, summary")) check(e.textContent.trim() || e.ariaLabel, `no name: ${name(e)}`);
  for (const e of all("svg")) check(e.getAttribute("aria-hidden") || (e.getAttribute("role") === "img" && e.getAttribute("aria-label")) || (e.getAttribute("role") === "group" && e.getAttribute("aria-label")), `a picture without a name: ${name(e)}`);
  for (const e of all("img")) check(e.alt !== undefined && e.hasAttribute("alt"), "an image without alt");
  for (const e of all("svg[role=img] a")) wrong.push(`a link inside an image is hidden from screen readers: ${name(e)}`);
  for (const e of all("[tabindex]")) check(e.tabIndex <= 0, `an order of its own: ${name(e)}`);
  for (const e of all("table")) check(all("th", e).length && all("th", e).every((th) => th.scope), `headings without scope: ${name(e)}`);
  for (const e of all(".mark")) check(all(".shape", e).length === 1 && e.textContent.trim().length > 1, `a state by colour alone: ${name(e)}`);
  for (const e of all("time")) check(/UTC/.test(e.title), `a time without its zone: ${name(e)}`);
  for (const e of all("button, input:not([type=hidden], [type=checkbox]), nav.side a, summary").filter(shown)) {
    check(e.getBoundingClientRect().height >= 20, `too small to be hit: ${name(e)}`);
  }
  const sources = all("[src], link[href]").map((e) => new URL(e.src || e.href, location).origin);
  check(sources.every((origin) => origin === location.origin), `fetched from elsewhere: ${sources}`);

  // WCAG 2.2, 1.4.3: relative luminance of text against the ground that is really behind it.
  const rgb = (text) => {
    const n = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return n.length === 3 ? [...n, 1] : n;
  };
  const light = ([r, g, b]) => {
    const f = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] > 0) wrong.push(`a ground that shines through: ${name(at)}`);
    }
    return [255, 255, 255, 1];
  };
  const contrast = (e, colour, what) => {
    const style = getComputedStyle(e);
    const [a, b] = [light(rgb(colour)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const enough = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700) ? 3 : 4.5;
    check(ratio >= enough, `contrast ${ratio.toFixed(2)} of ${what} ${name(e)}`);
  };
  const seen = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(e) || !shown(e) || e.closest("script, title")) continue;
    seen.add(e);
    contrast(e, e.closest("svg") ? getComputedStyle(e).fill : getComputedStyle(e).color, "text");
  }
  for (const e of all("input[placeholder]").filter(shown)) contrast(e, getComputedStyle(e, "::placeholder").color, "the placeholder of");
  check(seen.size > 3, "hardly any text was found: the audit itself is broken");
  return wrong;
}
