// Choose a doctor, or change to another.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { loadAssignment, loadNotes } from "../data.js";
import { ConfirmDialog, Empty, Field, LoadFailed, Skeleton, Switch } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { showSuccess } from "../messages.js";
import { go } from "../router.js";
import { state, set } from "../store.js";
import { t } from "../texts.js";

export default function ChooseDoctor() {
  const [asked, ask] = useState("");
  const [doctors, setDoctors] = useState(null);
  const [problem, setProblem] = useState(null);
  const [chosen, choose] = useState(null);
  const current = state.assignment?.doctor;
  useEffect(() => {
    let late = false;
    const timer = setTimeout(
      () =>
        get(
          `doctors/?limit=50${asked.trim() ? `&q=${encodeURIComponent(asked.trim())}` : ""}`,
        ).then(
          ({ data }) => {
            if (!late) {
              setDoctors(data.items);
              setProblem(null);
            }
          },
          (p) => {
            if (!late) setProblem(p);
          },
        ),
      doctors ? 250 : 0,
    );
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [asked]);
  return html`
    <a class="back" href=${current ? "#/me" : "#/today"}>
      <${Icon} name="left" size=${24} />
      ${current ? t.pages.me : t.pages.today}
    </a>
    <div class="page-head">
      <h1 tabindex="-1">${current ? t.changeDoctor : t.chooseDoctor}</h1>
      <p class="lead">
        ${current ? t.yourDoctorNow(current.name || t.yourDoctor) : t.chooseDoctorWhy}
      </p>
    </div>
    <div class="narrow">
      <${Field}
        id="find"
        label=${t.findDoctor}
        hint=${t.findDoctorHint}
        type="search"
        value=${asked}
        onInput=${ask}
        autocomplete="off"
      />
      ${
        problem
          ? html`<${LoadFailed} problem=${problem} />`
          : !doctors
            ? html`<${Skeleton} />`
            : !doctors.length
              ? html`
                <${Empty} sign="search" title=${t.noDoctorFound} text=${t.noDoctorFoundLead} />
              `
              : html`<ul class="card rows">
                ${doctors.map(
                  (d) => html`<li class="row" key=${d.id}>
                    <span class="row-words"><strong>${d.name}</strong></span>
                    ${
                      d.id === current?.id
                        ? html`<span class="chip">${t.yourDoctorChip}</span>`
                        : html`
                          <button
                            type="button"
                            class="button button-outline button-small"
                            onClick=${() => choose(d)}
                          >
                            ${t.choose}
                            <span class="hidden"> ${d.name}</span>
                          </button>
                        `
                    }
                  </li>`,
                )}
              </ul>`
      }
    </div>
    ${
      chosen &&
      html`<${Confirm} doctor=${chosen} current=${current} onClose=${() => choose(null)} />`
    }
  `;
}

function Confirm({ doctor, current, onClose }) {
  const [share, setShare] = useState(false);
  const assign = async () => {
    const { data } = await call("POST", "assign/", {
      body: { doctor_id: doctor.id, share_history: share },
      key: `assign-${doctor.id}-${share}-${Date.now().toString(36)}`,
    });
    set({ assignment: data });
    onClose();
    showSuccess(t.doctorChosen(doctor.name));
    go("/today");
    loadAssignment()
      .then(loadNotes)
      .catch(() => {
        /* shown as chosen already */
      });
  };
  return html`<${ConfirmDialog}
    title=${t.chooseTitle(doctor.name)}
    lead=${current ? t.changeLead(current.name || t.yourDoctor) : t.chooseLead}
    button=${t.chooseThis(doctor.name)}
    confirm=${assign}
    onClose=${onClose}
  >
    <${Switch}
      id="share"
      label=${t.shareHistory}
      hint=${t.shareHistoryHint(doctor.name)}
      checked=${share}
      onChange=${setShare}
    />
  <//>`;
}
