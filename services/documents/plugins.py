"""What a package imports that offers skills: the skill, and what its payload inherits from."""

from services.documents.skills.models import Payload, Skill

__all__ = ["Payload", "Skill"]
