"""Open stories: facts of many kinds about free names, and questions whose answer is a span of the story, or none."""
