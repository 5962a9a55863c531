"""Pictures of frames picked by rule: thermal, truth and every arm on one scale."""
