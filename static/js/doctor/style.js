// The styles of a doctor's list and pictures: fetched with these pages, and there before they are
// drawn.
const link = document.createElement("link");
link.rel = "stylesheet";
link.href = "/static/css/doctor.css";
await new Promise((done) => {
  link.onload = done;
  link.onerror = done;
  document.head.append(link);
});
