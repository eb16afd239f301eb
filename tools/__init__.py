"""What benchmarks, recipes and the paper's experiments share, and what made the bundled clips."""
