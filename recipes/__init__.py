"""What trains the models that ship: ``python -m recipes.train_pretrained``."""
