// Palabras de las páginas del médico: se cargan con ellas.
const DROPPED_WHY = {
  "quote-not-in-note": "Sus palabras no están en la nota.",
  "number-not-in-quote": "Una cifra no está en la nota.",
  "unit-not-in-quote": "La unidad no es la de la nota.",
  "drug-not-in-quote": "La nota no nombra ahí ese medicamento.",
  "frequency-not-in-quote": "La nota no dice esa frecuencia.",
  "frequency-left-out": "Falta la frecuencia que dice la nota.",
  "duration-not-in-quote": "La nota no dice esa duración.",
  "date-not-in-quote": "La nota no dice esa fecha.",
  "condition-not-in-quote": "La nota no pone esa condición.",
  "condition-left-out": "Falta la condición que pone la nota.",
  "someone-else": "La nota habla ahí de otra persona.",
  "no-order": "La nota no lo manda.",
  "words-not-in-note": "Dice algo que la nota no dice.",
  "link-not-in-note": "Lleva un enlace que la nota no tiene.",
  "too-many": "Son más pasos de los que se pueden llevar.",
};

export default {
  // La lista
  moreRows: (n) => `Mostrar ${n} más`,
  rowsOf: (shown, all) => `${shown} de ${all} a la vista`,
  born: (date) => `nacimiento: ${date}`,
  callAt: (number) => `Llamar al ${number}`,
  draftTag: "borrador",
  goOnWriting: "Seguir con su borrador",
  skippedWith: (title) => `Omitió «${title}»:`,

  // Notas
  findNote: "Buscar por paciente",
  noteStates: {
    all: "Todas",
    waiting: "Pendientes",
    ready: "Listas",
    rejected: "Rechazadas",
    withdrawn: "Retiradas",
    superseded: "Sustituidas",
  },
  notesKeys: "/ buscar · j k moverse · n la siguiente que espera",
  foundHead: "Encontradas",
  notesFound: (n, more) => (more ? `Más de ${n} notas encontradas` : `${n} encontradas`),
  moreFound: "Mostrar más",
  noNoteFound: "Ninguna nota encontrada",
  searchedBy:
    "Se buscan nombres de pacientes. Las palabras de las notas están selladas y no se buscan.",
  olderNotes: "Las notas más antiguas se encuentran por el nombre del paciente.",
  readAgain: (n) => `Leer de nuevo ${n} notas fallidas`,
  readAgainNow: (n) => (n === 1 ? "Una nota se lee de nuevo." : `${n} notas se leen de nuevo.`),
  planFirst: "No se pudo leer lo que está activo ahora. Antes no se puede aprobar nada.",
  readPlanAgain: "Leerlo de nuevo",
  planComes: "Se está leyendo lo que está activo ahora.",

  // Un paso que ya no está activo
  stepStates: {
    completed: "terminado",
    cancelled: "detenido",
    proposed: "por aprobar",
    rejected: "excluido",
  },

  // Una llamada
  noPhone: "No ha dado ningún teléfono",
  noteCall: "Anotar una llamada",
  noteCallTitle: (name) => `Ha llamado a ${name}`,
  noteCallLead: "Queda 30 días en la fila del paciente. El paciente ve que usted llamó.",
  callWord: "Qué resultó (si quiere)",
  callWords: ["Hablamos, todo bien", "Sin respuesta", "Dejé un mensaje"],
  saveCall: "Guardar",
  calledNow: "La llamada está anotada.",
  called: (when, by) => (by ? `${by} llamó ${when}` : `llamada ${when}`),

  // Respuestas en imágenes
  answersHead: "Respuestas, un medicamento cada vez",
  answersLead: "Cada columna es un día; cada línea, una hora del día.",
  days: { 30: "30 días", 90: "90 días" },
  period: "Periodo",
  hourLine: (hour) => `${hour}:00 a ${hour}:59`,
  doneOf: (done, due) => `${done} de ${due}`,
  stepEnded: { completed: "terminado", cancelled: "detenido" },
  stepWords: (title, share, done, due, skipped, missed) =>
    `${title}: cumplido ${share}, ${done} de ${due} hechas, ${skipped} omitidas, ${missed} sin respuesta`,
  counts: (done, skipped, missed) =>
    `${done} hechas · ${skipped} omitidas · ${missed} sin respuesta`,
  states: { done: "hecha", skipped: "omitida", missed: "sin respuesta", partly: "en parte" },
  reasonsHead: "Dicho al omitir",
  moreReasons: (n) => `y ${n} más, en la tabla`,
  asTable: "Como tabla",
  colDate: "Fecha",
  colTime: "Hora",
  colAnswer: "Respuesta",
  colReason: "Motivo",
  noAnswersYet: "No tocaba nada en este tiempo",
  answersNotNow: "Ahora no se pueden leer las respuestas.",

  // Una nota y su revisión
  noteGoneDoctor: "No existe, o el paciente ya no es suyo.",
  noteFor: (name) => `Nota para ${name}`,
  lengthOf: (n) => `${n} de 20.000`,
  sentAt: (time) => `enviada ${time}`,
  stages: "Dónde está la nota",
  stageSaved: "Guardada",
  stageReading: "Leyendo",
  stageApprove: "Aprobar",
  stageReady: "Lista",
  stageFailed: "Sin leer",
  readingNow: "Leyendo su nota",
  usually: "suele tardar menos de 10 segundos",
  mayLeave: (name) =>
    `Puede dejar esta página. Los pasos anteriores de ${name} siguen activos hasta que los nuevos los sustituyan.`,
  failedTitle: "No se pudo leer la nota",
  failures: {
    "too-many":
      "La nota pide más de 40 cosas. Aquí están las 40 primeras; el resto necesita otra nota.",
  },
  writeAnother: "Escribirla de nuevo",
  readBy: (who) =>
    !who || who === "local" || who === "offline"
      ? "Leída sin servicio de IA, con reglas fijas"
      : `Leída por ${who.replace(/^openai:/, "")}`,
  nothingToDo:
    "En esta nota no se halló nada que el paciente deba hacer. Los pasos anteriores siguen activos.",
  addStep: "Añadir un paso",
  leftOut: "Dejado fuera, a su juicio",
  reword: "Redactar en una nota nueva",
  droppedTag: "excluido",
  noStepTag: "sin paso",
  droppedWhy: (reason, words, name) =>
    `${DROPPED_WHY[reason] || "No se apoya en su nota."} ${name} no verá esto.`,
  whatChangesFor: (name) => `Qué cambia para ${name}`,
  whatChangedFor: (name) => `Qué cambió para ${name}`,
  untilThen: "Hasta entonces siguen activos.",
  startsPlan: (name) => `Aprobar inicia el plan de ${name}.`,
  decideLater: "Decidir después",
  rejectAll: "Rechazar todo",
  rejectTitle: "¿Rechazar todos los pasos de esta nota?",
  rejectLead: (name) =>
    `Los pasos anteriores de ${name} siguen activos. La nota queda en el historial.`,
  rejectIt: "Rechazar todo",
  rejected: "Rechazada. Los pasos anteriores siguen activos.",
  withdraw: "Retirar esta nota…",
  withdrawTitle: "¿Retirar esta nota?",
  withdrawLead: (name) =>
    `Sus pasos terminan enseguida y ${name} ya no podrá leerla. El historial la conserva.`,
  withdrawIt: "Retirarla",
  withdrawn: "La nota está retirada.",
  stepsComeFromAnswers: "Aún no hay pasos: salen de sus respuestas.",
  allLeftOut: "Todo queda fuera. Rechace la nota o recupere un paso.",
  closes: (name) => `No hay nada que ${name} deba hacer; los pasos anteriores siguen activos.`,
  closeNote: "Cerrar la nota",
  closedNote: "La nota está cerrada. Los pasos anteriores siguen activos.",
  keepLegend: (name) => `Estos terminarían para ${name}. Marque los que siguen:`,
  keepAll: "Mantener todos",
  keepNone: "No mantener ninguno",
  readLocally: "Usar las reglas fijas",
  readLocallyHint: "Funcionan sin el servicio de IA. Lo que hallen espera su aprobación.",
  nextWaiting: (name) => `Siguiente: ${name}`,
  laterNext: "Nota siguiente",
  untilAnswered: (name) => `Los pasos anteriores de ${name} siguen activos mientras tanto.`,
};
