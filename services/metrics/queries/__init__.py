"""What is asked about metrics, and how it is answered."""
