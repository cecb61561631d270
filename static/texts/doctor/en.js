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

  // A note and its review
  noteGoneDoctor: "It does not exist, or the patient is no longer yours.",
  noteFor: (name) => `Note for ${name}`,
  lengthOf: (n) => `${n} of 20,000`,
  sentAt: (time) => `sent ${time}`,
  stages: "Where the note stands",
  stageSaved: "Saved",
  stageReading: "Reading",
  stageApprove: "Approve",
  stageReady: "Ready",
  stageFailed: "Not read",
  readingNow: "Reading your note",
  usually: "usually under 10 seconds",
  mayLeave: (name) =>
    `You may leave this page. ${name}’s earlier steps keep running until the new ones take their place.`,
  failedTitle: "The note could not be read",
  failures: {
    "too-many":
      "The note asks for more than 40 things. The first 40 are here; the rest need a second note.",
  },
  writeAnother: "Write it anew",
  readBy: (who) =>
    !who || who === "local" || who === "offline"
      ? "Read without an AI service, by fixed rules"
      : `Read by ${who.replace(/^openai:/, "")}`,
  nothingToDo:
    "Nothing for the patient to do was found in this note. The earlier steps keep running.",
  addStep: "Add a step",
  leftOut: "Left out, for you to judge",
  reword: "Reword in a new note",
  droppedTag: "dropped",
  noStepTag: "no step",
  droppedWhy: (reason, words, name) =>
    `${words || "It is not borne out by your note."} ${name} will not see this.`,
  whatChangesFor: (name) => `What changes for ${name}`,
  whatChangedFor: (name) => `What changed for ${name}`,
  untilThen: "Until then they keep running.",
  startsPlan: (name) => `Approving starts ${name}’s plan.`,
  decideLater: "Decide later",
  rejectAll: "Reject all",
  rejectTitle: "Reject all steps of this note?",
  rejectLead: (name) => `${name}’s earlier steps keep running. The note stays in the history.`,
  rejectIt: "Reject all",
  rejected: "Rejected. The earlier steps keep running.",
  withdraw: "Withdraw this note…",
  withdrawTitle: "Withdraw this note?",
  withdrawLead: (name) =>
    `Its steps stop at once, and ${name} can no longer read it. The record keeps it.`,
  withdrawIt: "Withdraw it",
  withdrawn: "The note is withdrawn.",
  stepsComeFromAnswers: "No step yet: they come from your answers.",
  allLeftOut: "Everything is left out. Reject the note, or put a step back.",
  closes: (name) => `There is nothing for ${name} to do; the earlier steps keep running.`,
  closeNote: "Close the note",
  closedNote: "The note is closed. The earlier steps keep running.",
  keepLegend: (name) => `These would stop for ${name}. Tick what runs on:`,
  keepAll: "Keep all of these",
  keepNone: "Keep none",
  readLocally: "Use the fixed rules",
  readLocallyHint: "They work without the AI service. What they find waits for your approval.",
  nextWaiting: (name) => `Next: ${name}`,
  laterNext: "Next note",
  untilAnswered: (name) => `${name}’s earlier steps keep running meanwhile.`,
};
