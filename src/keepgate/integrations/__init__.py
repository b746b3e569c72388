"""Keepgate inside other libraries: scikit-learn, Lightning and sb3-contrib, each imported by itself."""
