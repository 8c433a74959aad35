// Keeps an open page true: numbers at once, the rest redrawn by the server, times ticking. Pages read well without it.
"use strict";
(() => {
  const skew = Date.parse(document.body.dataset.now) - Date.now();
  const plain = (us) => {
    const s = Math.floor(us / 1000);
    if (s < 60) return `${s} s`;
    const m = Math.floor(s / 60);
    if (m < 60) return m < 10 && s % 60 ? `${m} min ${String(s % 60).padStart(2, "0")} s` : `${m} min`;
    const h = Math.floor(m / 60);
    if (h < 24) return m % 60 ? `${h} h ${String(m % 60).padStart(2, "0")} min` : `${h} h`;
    return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${h / 24} d`;
  };
  const tick = () => {
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[datetime]")) {
      const past = now - Date.parse(time.dateTime);
      if (Number.isNaN(past)) continue;
      const text = Math.abs(past) < 1000 ? "now" : past > 0 ? `${plain(past)} ago` : `in ${plain(-past)}`;
      if (time.textContent !== text) time.textContent = text;
      if (!time.dataset.local) {
        time.dataset.local = "1";
        time.title = `${new Date(time.dateTime).toLocaleString(undefined, { timeZoneName: "short" })} · ${time.title}`;
      }
    }
  };
  tick();
  setInterval(tick, 1000);
  if (!document.body.dataset.live || !window.EventSource) return;

  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  const numbers = (overview) => {
    for (const place of document.querySelectorAll("[data-n]")) {
      const value = place.dataset.n.split(".").reduce((from, key) => from?.[key], overview);
      const text = value === undefined ? "" : grouped(value);
      if (text && place.textContent !== text) {
        place.textContent = text;
        place.classList.remove("changed");
        requestAnimationFrame(() => place.classList.add("changed"));
      }
    }
  };
  // Nobody's typing, reading of an opened detail, or selection is interrupted.
  const busy = () => {
    const main = document.getElementById("content");
    const active = document.activeElement;
    const touched = (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked;
    return document.hidden || (active && active !== main && main.contains(active) && active.matches("input, textarea"))
      || [...main.querySelectorAll("input, textarea")].some(touched)
      || main.querySelector("details[open]") || String(getSelection());
  };
  // The same link, button or region in the new drawing: by what it is and leads to, then by its turn among its like.
  const kind = (e) => [e.tagName, e.id, e.getAttribute("href") ?? "", e.getAttribute("aria-label") ?? "", e.closest("form")?.action ?? ""].join(" ");
  const alike = (root, like) => [...root.querySelectorAll("a, button, input, textarea, summary, [tabindex]")].filter((e) => kind(e) === like);
  const swap = (from, to) => {
    const active = to.contains(document.activeElement) && document.activeElement !== to ? document.activeElement : null;
    const like = active && kind(active);
    const turn = active ? alike(to, like).indexOf(active) : -1;
    const scrolled = [...to.querySelectorAll(".scroll")].map((e) => [kind(e), e.scrollLeft]);
    to.replaceChildren(...from.childNodes);
    for (const [region, left] of scrolled) for (const e of alike(to, region)) e.scrollLeft = left;
    if (active) (alike(to, like)[turn] ?? document.getElementById("content")).focus({ preventScroll: true });
  };
  let drawn = Date.now();
  let waiting = 0;
  const redraw = async () => {
    waiting = 0;
    if (busy()) { later(); return; }
    drawn = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of ["#content", "nav.side ul"]) {
        const [from, to] = [fresh.querySelector(part), document.querySelector(part)];
        if (from && to && from.innerHTML !== to.innerHTML) swap(from, to);
      }
      tick();
    } catch { /* the stream below tells whether the hub is gone */ }
  };
  const later = () => { if (!waiting) waiting = setTimeout(redraw, Math.max(0, drawn + 3000 - Date.now())); };

  const feed = document.getElementById("feed");
  const word = document.getElementById("feed-word");
  const source = new EventSource("/api/v1/live");
  let first = true;
  feed.hidden = false;
  word.textContent = "connecting";
  source.addEventListener("open", () => { feed.classList.remove("lost"); word.textContent = "live"; });
  source.addEventListener("error", () => { feed.classList.add("lost"); word.textContent = "hub not reachable, trying again"; });
  source.addEventListener("overview", (event) => {
    numbers(JSON.parse(event.data));
    if (!first) later();
    first = false;
  });
})();
