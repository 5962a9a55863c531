"""What each command does, in the order a person sees it; the rooms below never print."""
