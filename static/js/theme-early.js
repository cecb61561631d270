// The chosen colours, before the first paint. Runs in the head, so it is a plain script and does
// nothing else.
(function () {
  try {
    var theme = localStorage.getItem("aftercare.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    var language = localStorage.getItem("aftercare.language");
    if (language) document.documentElement.lang = language;
  } catch {
    /* storage may be closed: the system's colours will do */
  }
})();
