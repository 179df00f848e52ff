"""Published records, and the tables and figures made of them. Nothing here imports JAX."""
