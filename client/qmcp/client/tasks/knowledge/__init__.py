"""The calls of the tasks service that are about its knowledge base."""
