"""Every experiment of Kuleshov, Enam and Ermon (2017), one command each."""
