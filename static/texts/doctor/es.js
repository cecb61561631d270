// Palabras de las páginas del médico: se cargan con ellas.
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
};
