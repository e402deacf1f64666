"""Learning to learn: sequences of problems, and what saved networks tell afterwards."""
