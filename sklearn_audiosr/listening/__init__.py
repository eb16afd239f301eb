"""Listening tests by the MUSHRA method, from estimators and recordings to statistics.

`make_stimuli` runs the systems and matches their outputs in loudness. `make_listening_test` writes
a page that runs in a browser without a server. `analyze` reads the answers that listeners saved.
"""

from sklearn_audiosr.listening._analysis import analyze
from sklearn_audiosr.listening._loudness import integrated_loudness
from sklearn_audiosr.listening._page import make_listening_test
from sklearn_audiosr.listening._report import plot_scores, score_table
from sklearn_audiosr.listening._simulation import simulate_answers
from sklearn_audiosr.listening._stimuli import make_stimuli
from sklearn_audiosr.listening._table_1 import make_table_1_stimuli
from sklearn_audiosr.listening._webmushra import export_webmushra

__all__ = [
    "analyze",
    "export_webmushra",
    "integrated_loudness",
    "make_listening_test",
    "make_stimuli",
    "make_table_1_stimuli",
    "plot_scores",
    "score_table",
    "simulate_answers",
]
