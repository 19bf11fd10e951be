(() => {
  "use strict";
  const root = document.documentElement;
  let outer = null;
  try { if (parent !== window) outer = parent.document.documentElement; } catch { /* another origin's frame */ }
  // Airflow writes the theme that is shown into its root's class, and the one that was chosen into the storage.
  const follow = () => {
    const classes = outer ? outer.classList : { contains: (name) => localStorage.getItem("theme") === name };
    const theme = ["dark", "light"].find((name) => classes.contains(name));
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
  };
  follow();
  if (outer) new MutationObserver(follow).observe(outer, { attributeFilter: ["class"] });
  // A frame like this one may not navigate Airflow's own page, but may ask its router to.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-top]");
    if (!link || !outer || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    parent.history.pushState(null, "", link.href);
    parent.dispatchEvent(new PopStateEvent("popstate", { state: null }));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("form[data-now] select")) event.target.form.requestSubmit();
  });
  // What is on its way is looked at again while somebody looks at it.
  addEventListener("load", () => {
    if (!document.querySelector("[data-live]")) return;
    setInterval(() => { if (!document.hidden) location.reload(); }, 5000);
  });
})();
