"""A run: template and values in, document and reports out, each in a limited process of its own."""
