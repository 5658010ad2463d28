"""Floor 4: from requests to results, in one pass over the audio, cancellably."""
