"""Finding texts by meaning and by words: an index beside the database, which can be lost and is made again from it."""
