"""The plain pages of the edge: health, figures, the OpenAPI document and the page that shows it."""
