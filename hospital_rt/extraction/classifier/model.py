"""Linear models over sets of named features, read from a compact file of weights."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hospital_rt.extraction.api import Sentence
from hospital_rt.extraction.classifier.features import sentence_features

WEIGHTS = Path(__file__).with_name("weights.json.gz")


@dataclass(frozen=True)
class LinearModel:
    """Logistic regression: ``bias`` and a weight a feature; features without a weight count nothing."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, features: Iterable[str]) -> float:
        """The probability, 0 to 1, of the class that the model was trained for."""
        get = self.weights.get
        total = self.bias + sum(get(feature, 0.0) for feature in features)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def load_models(path: Path = WEIGHTS) -> dict[str, LinearModel]:
    """The trained models by name, read once. Weights are stored as thousandths."""
    raw = json.loads(gzip.decompress(path.read_bytes()))
    return {
        name: LinearModel(bias=one["bias"], weights={k: v / 1000 for k, v in one["weights"].items()})
        for name, one in raw.items()
    }


def sentence_scores(sentences: Sequence[Sentence], model: LinearModel, language: str) -> list[float]:
    """For each sentence, in order, the probability that it holds something for the patient to do."""
    return [model.probability(sentence_features(sentences, at, language)) for at in range(len(sentences))]
