"""What a package imports that offers tools: the decorator, what a running tool may tell, approval, hints."""

from services.tools.catalogue.plugins import ToolContext, tool
from services.tools.models import Annotations, ApprovalPolicy

__all__ = ["Annotations", "ApprovalPolicy", "ToolContext", "tool"]
