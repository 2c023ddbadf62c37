"""What destinations are built from: JSON clients, logins, settings, caches of what is known."""
