// Words of a doctor's pages: fetched with them.
export default {
  // The list
  moreRows: (n) => `Show ${n} more`,
  rowsOf: (shown, all) => `${shown} of ${all} shown`,
  born: (date) => `born ${date}`,
  callAt: (number) => `Call ${number}`,
  draftTag: "draft",
  goOnWriting: "Go on with your draft",
  skippedWith: (title) => `Skipped “${title}”:`,

  // A call
  noPhone: "No phone number given",
  noteCall: "Note a call",
  noteCallTitle: (name) => `You called ${name}`,
  noteCallLead: "It stands in the patient’s row for 30 days. The patient sees that you called.",
  callWord: "What came of it (if you like)",
  callWords: ["Reached, all well", "No answer", "Left a message"],
  saveCall: "Save",
  calledNow: "The call is noted.",
  called: (when, by) => (by ? `${by} called ${when}` : `called ${when}`),

  // Answers as pictures
  answersHead: "Answers, one medicine at a time",
  answersLead: "Each column is a day, each line an hour of the day.",
  days: { 30: "30 days", 90: "90 days" },
  period: "Period",
  hourLine: (hour) => `${hour}:00 to ${hour}:59`,
  doneOf: (done, due) => `${done} of ${due}`,
  stepEnded: { completed: "over", cancelled: "stopped" },
  stepWords: (title, share, done, due, skipped, missed) =>
    `${title}: ${share} kept, ${done} of ${due} done, ${skipped} skipped, ${missed} without an answer`,
  counts: (done, skipped, missed) =>
    `${done} done · ${skipped} skipped · ${missed} without an answer`,
  states: { done: "done", skipped: "skipped", missed: "no answer", partly: "in part" },
  reasonsHead: "Said when skipping",
  moreReasons: (n) => `and ${n} more, in the table`,
  asTable: "As a table",
  colDate: "Date",
  colTime: "Time",
  colAnswer: "Answer",
  colReason: "Reason",
  noAnswersYet: "Nothing was due in this time",
  answersNotNow: "The answers cannot be read just now.",
};
