"""Code that benchmarks, recipes and paper share, and the script that made the clips that ship."""
