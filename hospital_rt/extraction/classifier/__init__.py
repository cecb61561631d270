"""How likely a sentence carries something for the patient: a linear model over words, section and place."""

from hospital_rt.extraction.classifier.model import LinearModel, load_models, sentence_scores

__all__ = ["LinearModel", "load_models", "sentence_scores"]
