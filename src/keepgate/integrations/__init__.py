"""Keepgate inside other libraries: scikit-learn (`sklearn`), Lightning (`lightning`) and sb3-contrib (`sb3`), each imported by itself."""
