"""Operations of OpenAPI documents, which become tools of the catalogue."""
