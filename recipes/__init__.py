"""Programs that train the models that ship: ``python -m recipes.train_pretrained``."""
