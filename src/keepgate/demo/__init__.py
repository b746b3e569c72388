"""Networks side by side on the stories: who remembers, how far back, and why; and the report that shows it."""
