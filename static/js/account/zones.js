// Time zones as places: "Madrid". The list is the browser's own.
import { html } from "../html.js";
import { time } from "../clock.js";
import { t } from "../texts.js";

export const myZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
export const placeOf = (zone) => zone.split("/").pop().replace(/_/g, " ");
const all = () => {
  try {
    return Intl.supportedValuesOf("timeZone");
  } catch {
    return [myZone(), "UTC"];
  }
};

export function ZoneSelect({ value, onChange, ...shared }) {
  const groups = new Map([["UTC", ["UTC"]]]);
  for (const zone of new Set([...all(), value])) {
    const region = zone.split("/")[0];
    if (zone === "UTC") continue;
    groups.set(region, [...(groups.get(region) || []), zone]);
  }
  const clock = (zone) => {
    try {
      return ` (${t.nowAt(time(new Date(), zone))})`;
    } catch {
      return "";
    }
  };
  return html`<select ...${shared} value=${value} onChange=${(e) => onChange(e.target.value)}>
    ${[...groups].map(
      ([region, zones]) => html`<optgroup key=${region} label=${region}>
        ${zones.sort().map(
          (zone) => html`<option key=${zone} value=${zone} selected=${zone === value}>
            ${placeOf(zone)}
            ${zone === value ? clock(zone) : ""}
          </option>`,
        )}
      </optgroup>`,
    )}
  </select>`;
}
