"""The vocabulary of response awareness: how tags begin, and of what type they are. Pure."""

from collections.abc import Mapping

# Kinds with a meaning of their own; the families below have further ones.
KINDS: Mapping[str, tuple[str, str]] = {
    "#COMPLETION_DRIVE_IMPL": ("impl:assumption", "How it is done was assumed by what is usual."),
    "#COMPLETION_DRIVE_INTEGRATION": ("integration:assumption", "How parts talk to one another was assumed."),
    "#CONTEXT_DEGRADED": ("degraded:context", "What was known before is no longer clear."),
    "#CONTEXT_RECONSTRUCT": ("reconstruct:context", "What is missing was filled in."),
    "#CARGO_CULT": ("cargo_cult:pattern", "It stands there by habit, not because it was asked for."),
    "#PATTERN_MOMENTUM": ("pattern_momentum:pattern", "More was made than was asked for, to complete a pattern."),
    "#ASSOCIATIVE_GENERATION": ("associative_generation:pattern", "It seems to belong there; nobody asked for it."),
    "#PATTERN_CONFLICT": ("pattern_conflict:conflict", "Several ways seem right and exclude one another."),
    "#TRAINING_CONTRADICTION": ("training_contradiction:conflict", "What was learned elsewhere says otherwise."),
    "#SUGGEST_ERROR_HANDLING": ("error_handling:suggestion", "A failure should be provided for."),
    "#SUGGEST_EDGE_CASE": ("edge_case:suggestion", "A rare case should be provided for."),
    "#SUGGEST_VALIDATION": ("validation:suggestion", "What comes in should be checked."),
    "#SUGGEST_CLEANUP": ("cleanup:suggestion", "What was taken should be given back."),
    "#SUGGEST_DEFENSIVE": ("defensive:suggestion", "It should be guarded against what should not happen."),
    "#PATH_DECISION": ("path:decision", "One of several ways was chosen."),
}
FAMILIES: Mapping[str, str] = {"#COMPLETION_DRIVE_": "assumption", "#SUGGEST_": "suggestion"}
OTHER = "other"


def type_of(tag: str) -> str:
    """The type of a tag, by the word that it begins with."""
    word = tag.partition(":")[0].strip()
    if word in KINDS:
        return KINDS[word][0]
    for beginning, family in FAMILIES.items():
        if word.startswith(beginning) and len(word) > len(beginning):
            return f"{word.removeprefix(beginning).lower()[:80]}:{family}"
    return OTHER
