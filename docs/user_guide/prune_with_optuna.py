"""Search with Optuna, and end fits that are worse than the others so far."""

import optuna

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.networks import AudioUNet

Y = trim_clips([clip[:16_000] for clip in load_speech().clips[:4]], 4)
X = Decimator(4).fit_transform(Y)


def train(trial):
    def report(estimator, measured):
        trial.report(measured["validation_score"], measured["epoch"])
        if trial.should_prune():
            raise optuna.TrialPruned

    resolver = AudioSuperResolver(
        AudioUNet(n_blocks=2, width=1 / 32),
        learning_rate=trial.suggest_float("learning_rate", 1e-6, 1e-2, log=True),
        max_epochs=6,
        patch_length=2048,
        validation_fraction=0.25,
        callbacks=[report],
        random_state=0,
    )
    return max(resolver.fit(X, Y).validation_scores_)


study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.RandomSampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
)
study.optimize(train, n_trials=6)
