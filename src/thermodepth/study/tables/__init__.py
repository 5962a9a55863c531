"""What a study prints: lines, means, differences, the term by ledger matrix."""
