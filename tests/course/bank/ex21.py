# %% right: vectorised
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    order = np.argsort(-scores)
    good, who = similarity[order] >= threshold, person[order]
    hits = np.zeros(len(order), bool)
    hits[[np.flatnonzero(good & (who == p))[0] for p in np.unique(who[good])]] = True
    found = np.cumsum(hits)
    precision = np.maximum.accumulate((found / np.arange(1, len(hits) + 1))[::-1])[::-1]
    rank = np.searchsorted(found / people, np.linspace(0, 1, 101))
    return np.append(precision, 0)[rank].mean()


# %% right: loops
def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(sorted(range(len(scores)), key=lambda d: -scores[d]), 1):
        if similarity[d] >= threshold and person[d] not in found:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    total = 0.0
    for step in range(101):
        total += max([precision for recall, precision in points if recall >= step / 100], default=0.0)
    return total / 101


# %% right: hits first, then the envelope from behind
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    hits, taken = [], []
    for d in np.argsort(scores)[::-1]:
        hit = bool(similarity[d] >= threshold) and int(person[d]) not in taken
        if hit:
            taken.append(int(person[d]))
        hits.append(hit)
    true = np.cumsum(hits)
    false = np.cumsum(np.logical_not(hits))
    precision, recall = true / (true + false), true / people
    for k in range(len(precision) - 1, 0, -1):
        precision[k - 1] = max(precision[k - 1], precision[k])
    values = np.zeros(101)
    for i, r in enumerate(np.linspace(0, 1, 101)):
        reached = np.flatnonzero(recall >= r)
        if len(reached):
            values[i] = precision[reached[0]]
    return values.mean()


# %% wrong: not-ranked
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for d in range(len(scores)):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / (d + 1)))
    best = [max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)]
    return np.mean(best)


# %% wrong: lowest-first
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: ranked-by-oks
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-similarity), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: strict
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] > threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: found-twice
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    hits = similarity[np.argsort(-scores)] >= threshold
    found = np.cumsum(hits)
    precision = np.maximum.accumulate((found / np.arange(1, len(hits) + 1))[::-1])[::-1]
    rank = np.searchsorted(found / people, np.linspace(0, 1, 101))
    return np.append(precision, 0)[rank].mean()


# %% wrong: second-left-out
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points, rank = set(), [], 0
    for d in np.argsort(-scores):
        if person[d] in found:
            continue
        rank += 1
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: miss-blocks
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    seen, hits, points = set(), 0, []
    for rank, d in enumerate(np.argsort(-scores), 1):
        hits += bool(person[d] not in seen and similarity[d] >= threshold)
        seen.add(person[d])
        points.append((hits / people, hits / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: best-fit-wins
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    best = {p: max(similarity[person == p]) for p in set(person.tolist())}
    hits, points = 0, []
    for rank, d in enumerate(np.argsort(-scores), 1):
        hits += bool(similarity[d] >= threshold and similarity[d] == best[int(person[d])])
        points.append((hits / people, hits / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: recall-of-detections
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / len(scores), len(found) / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)])


# %% wrong: precision-not-raised
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, recall, precision = set(), [], []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        recall.append(len(found) / people)
        precision.append(len(found) / rank)
    at = np.searchsorted(recall, np.linspace(0, 1, 101))
    return np.array([*precision, 0.0])[at].mean()


# %% wrong: recalls-never-reached
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points, best = set(), [], []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    for step in range(101):
        reached = [p for r, p in points if r >= step / 100]
        if reached:
            best.append(max(reached))
    return np.mean(best)


# %% wrong: not-101-recalls | eleven
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    recalls = np.linspace(0, 1, 11)
    return np.mean([max([p for r, p in points if r >= at], default=0.0) for at in recalls])


# %% wrong: not-101-recalls | range(100)
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    return np.mean([max([p for r, p in points if r >= step / 100], default=0.0) for step in range(100)])


# %% wrong: area
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points, hits = set(), [], []
    for rank, d in enumerate(np.argsort(-scores), 1):
        hits.append(similarity[d] >= threshold and person[d] not in found)
        if hits[-1]:
            found.add(person[d])
        points.append(len(found) / rank)
    return sum(max(points[k:]) for k in range(len(hits)) if hits[k]) / people


# %% wrong: precision-at-hits
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, total = set(), 0.0
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold and person[d] not in found:
            found.add(person[d])
            total += len(found) / rank
    return total / people


# %% wrong: recall-passed
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    recalls = np.linspace(0, 1, 101)
    return np.mean([max([p for r, p in points if r > at], default=0.0) for at in recalls])


# %% wrong: hits-alone
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found = set(person[similarity >= threshold].tolist())
    return len(found) / len(scores)


# %% wrong: raises | nothing was found: the maximum of an empty list
import numpy as np


def average_precision(scores, similarity, person, people, threshold):
    found, points = set(), []
    for rank, d in enumerate(np.argsort(-scores), 1):
        if similarity[d] >= threshold:
            found.add(person[d])
        points.append((len(found) / people, len(found) / rank))
    return np.mean([max(p for r, p in points if r >= step / 100) for step in range(101)])


# %% wrong: delegates
import numpy as np

from cpm_edu.figures.interactive.oks_detections import average_precision as library


def average_precision(scores, similarity, person, people, threshold):
    found, hits = set(), []
    for d in np.argsort(-scores):
        hits.append(similarity[d] >= threshold and person[d] not in found)
        if hits[-1]:
            found.add(person[d])
    return library(np.array(hits), people)[0]
