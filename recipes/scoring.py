"""Figures of a model on the test recordings of its recipe."""

from sklearn_audiosr import LinearUpsampler, SplineUpsampler, load
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from tools.panel import installed_scores, measure_panel
from tools.scores import score


def measure(est, recipe, root):
    """Measure a model behind the paper's filter, at both ends of its dial, beside baselines.

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
    figures : dict
        "scores", results of `tools.scores.score`, and "panel", values of the panel's columns: each
        a dict by method. PESQ and STOI are among them where their packages are installed.
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
    scores = {name: score(Y, Y_pred, test.names) for name, Y_pred in predictions.items()}
    del predictions["ideal lowband"]
    panel = {name: read_panel(Y, Y_pred, recipe) for name, Y_pred in predictions.items()}
    return {"scores": scores, "panel": panel}


def read_panel(Y, Y_pred, recipe):
    """Return the values of the panel's columns."""
    figures = measure_panel(
        Y, Y_pred, recipe.rate, recipe.ratio, perceptual=installed_scores(), visqol_clips=0,
        with_errors=False,
    )  # fmt: skip
    return {column: figure["value"] for column, figure in figures.items()}


def round_weights(est, path):
    """Return a model with its weights rounded to half precision; `path` is for a temporary file."""
    est.save(path, card={}, dtype="float16")
    est = load(path)
    path.unlink()
    return est
