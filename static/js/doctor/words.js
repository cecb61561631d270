// The words of a doctor's pages that a patient does not fetch, in the reader's language.
import en from "../../texts/doctor/en.js";
import es from "../../texts/doctor/es.js";
import { language } from "../texts.js";

const WORDS = { en, es };
export const words = () => WORDS[language] || en;
