"""Scores of a model on the test recordings of its recipe."""

from sklearn_audiosr import LinearUpsampler, SplineUpsampler, load
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from tools.scores import score


def measure(est, recipe, root):
    """Score a model behind the paper's filter, at both ends of its dial, beside baselines.

    Parameters
    ----------
    est : AudioSuperResolver
        Fitted.
    recipe : Recipe
        Names the recordings.
    root : Path
        Folder of the recordings.

    Returns
    -------
    scores : dict
        Results of `tools.scores.score`, by method.
    """
    train, test = recipe.read(root)
    decimator = Decimator(recipe.ratio)
    Y_train, Y = (trim_clips(r.clips, recipe.ratio) for r in (train, test))
    X_train, X = decimator.fit_transform(Y_train), decimator.transform(Y)
    predictions = {"ideal lowband": ideal_lowband(Y, recipe.ratio)}
    for name, baseline in [("spline", SplineUpsampler()), ("linear", LinearUpsampler())]:
        predictions[name] = baseline.fit(X_train, Y_train).predict(X)
    for gain in (0.0, 1.0):
        predictions[f"highband_gain={gain:g}"] = est.predict(X, highband_gain=gain)
    return {name: score(Y, Y_pred, test.names) for name, Y_pred in predictions.items()}


def round_weights(est, path):
    """Return a model with its weights rounded to half precision; `path` is for a temporary file."""
    est.save(path, card={}, dtype="float16")
    est = load(path)
    path.unlink()
    return est
