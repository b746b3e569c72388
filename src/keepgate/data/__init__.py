"""Text → batch: questions with their texts, tokens with their places, ids, and padded batches."""
