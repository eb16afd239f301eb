"""Long checks with random faults: each module has ``run(n_cases, seed)``, which returns figures."""
