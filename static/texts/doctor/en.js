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

  // Notes
  findNote: "Find by patient",
  noteStates: {
    all: "All",
    waiting: "Waiting",
    ready: "Ready",
    rejected: "Rejected",
    withdrawn: "Withdrawn",
    superseded: "Replaced",
  },
  notesKeys: "/ search · j k move · n the next that waits",
  foundHead: "Found",
  notesFound: (n, more) => (more ? `More than ${n} notes found` : `${n} found`),
  moreFound: "Show more",
  noNoteFound: "No note found",
  searchedBy: "Names of patients are searched. The words of notes are kept sealed and are not.",
  olderNotes: "Older notes are found by the name of the patient.",
  readAgain: (n) => `Read ${n} failed notes again`,
  readAgainNow: (n) =>
    n === 1 ? "One note is being read again." : `${n} notes are being read again.`,
  planFirst: "What runs now could not be read. Nothing can be approved before.",
  readPlanAgain: "Read it again",
  planComes: "What runs now is being read.",

  // A step that runs no longer
  stepStates: {
    completed: "finished",
    cancelled: "stopped",
    proposed: "to approve",
    rejected: "left out",
  },

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
