"""ground_station."""
