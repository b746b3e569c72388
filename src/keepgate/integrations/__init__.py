"""Keepgate inside other libraries: scikit-learn (`sklearn`) and Lightning (`lightning`), each imported by itself."""
