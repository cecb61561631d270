// Cover: which colleague stands in for a doctor, and when.
import { html, useEffect, useState } from "../html.js";
import { call, get, getAll } from "../api.js";
import { ifServed } from "../data.js";
import { Part } from "../account/settings.js";
import { fieldErrors } from "../account/checks.js";
import { Button, Field, ProblemLine, useAct } from "../parts/controls.js";
import { dateOf, dayMonth, today } from "../clock.js";
import { showSuccess } from "../messages.js";
import { state } from "../store.js";
import { endOfDay, startOfDay } from "./carers.js";
import { words } from "./words.js";

export function Cover() {
  const [covers, setCovers] = useState(null);
  const [doctors, setDoctors] = useState([]);
  const [form, setForm] = useState({ doctor: "", from: today(), until: "" });
  const [error, setError] = useState(null);
  const { busy, problem, act } = useAct();
  const p = words();
  const load = () =>
    ifServed(() => get("me/cover/")).then(
      (answer) => setCovers(answer ? answer.data.items : null),
      () => {
        /* this part stays away */
      },
    );
  useEffect(() => {
    load();
    getAll("doctors/").then(
      ({ items }) => setDoctors(items.filter((one) => one.id !== state.user.id)),
      () => {
        /* asked for again when the page is opened again */
      },
    );
  }, []);
  if (!covers) return null;
  const put = (name) => (value) => setForm((was) => ({ ...was, [name]: value }));
  const save = (event) => {
    event.preventDefault();
    setError(form.doctor && form.until ? null : p.coverMissing);
    if (!form.doctor || !form.until) return;
    act(async () => {
      const body = { doctor_id: form.doctor, until: endOfDay(form.until) };
      if (form.from > today()) body.from = startOfDay(form.from);
      try {
        await call("POST", "me/cover/", { body });
      } catch (wrong) {
        if (wrong.status !== 422 || !wrong.errors.length) throw wrong;
        setError(Object.values(fieldErrors(wrong))[0]);
        return;
      }
      setForm({ doctor: "", from: today(), until: "" });
      showSuccess(p.coverSaved);
      await load();
    });
  };
  const end = (id) =>
    act(async () => {
      await call("DELETE", `me/cover/${id}/`);
      showSuccess(p.ended);
      await load();
    });
  return html`<${Part} title=${p.cover} lead=${p.coverLead} id="cover">
    ${
      covers.length > 0 &&
      html`<ul class="rows plain-rows">
        ${covers.map(
          (one) => html`<li class="row" key=${one.id}>
            <span class="row-words">
              <strong>${one.doctor.name}</strong>
              <span class="secondary">
                ${p.coverSpan(dayMonth(dateOf(one.from)), dayMonth(dateOf(one.until)))}
                ${one.now ? ` · ${p.coverNow}` : ""}
              </span>
            </span>
            <${Button} kind="quiet" size="small" disabled=${busy} onClick=${() => end(one.id)}>
              ${p.end}<span class="hidden"> ${one.doctor.name}</span>
            <//>
          </li>`,
        )}
      </ul>`
    }
    <form onSubmit=${save} novalidate>
      <${Field} id="cover-doctor" label=${p.coverWho} error=${error}>
        ${(shared) => html`
          <select ...${shared} onChange=${(e) => put("doctor")(e.target.value)}>
            <option value="" selected=${!form.doctor}>${p.coverChoose}</option>
            ${doctors.map(
              (one) => html`
                <option key=${one.id} value=${one.id} selected=${one.id === form.doctor}>
                  ${one.name}
                </option>
              `,
            )}
          </select>
        `}
      <//>
      <${Field}
        id="cover-from"
        label=${p.coverFrom}
        type="date"
        value=${form.from}
        onInput=${put("from")}
      />
      <${Field}
        id="cover-until"
        label=${p.coverUntil}
        type="date"
        value=${form.until}
        onInput=${put("until")}
      />
      <${ProblemLine} problem=${problem} />
      <${Button} type="submit" kind="outline" busy=${busy}>${p.coverSave}<//>
    </form>
  <//>`;
}
