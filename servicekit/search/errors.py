"""What can go wrong with an index: it is away for now, or a text cannot be understood."""


class SearchAwayError(Exception):
    """The index, or the model behind it, is not there now; the message says which and why."""


class UnfitTextError(Exception):
    """The model takes this text not now and not later."""
