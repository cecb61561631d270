// The words of the pages of carers, cover and administration, in the reader's language.
import en from "../../texts/people/en.js";
import es from "../../texts/people/es.js";
import { language } from "../texts.js";

const WORDS = { en, es };
export const words = () => WORDS[language] || en;
