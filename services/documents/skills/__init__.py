"""What kinds of documents there are, and which values each of them takes."""
