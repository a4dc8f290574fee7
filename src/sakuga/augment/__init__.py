"""Changes that only D sees, of real and fake pictures alike."""
