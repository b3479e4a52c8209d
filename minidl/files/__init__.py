"""Files: written whole or not at all, listed with their SHA-256, locked while they are used."""
