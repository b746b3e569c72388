"""The page without a server: a folder of static files in which the networks run in the browser."""
