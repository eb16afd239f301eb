"""Speed and quality, of this package and of its peers: ``python -m benchmarks.bench_quality``."""
