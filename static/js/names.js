// Names as people say them: "Dr Osei" for "Dr Amara Osei".
const TITLE = /^(Drs?|Dra|Prof|Profa)\.?\s+/iu;

export function shortName(name) {
  const title = name.match(TITLE);
  return title
    ? `${title[0].trim()} ${name.slice(title[0].length).trim().split(/\s+/).at(-1)}`
    : name;
}
