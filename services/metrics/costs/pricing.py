"""From tokens to what they cost: each by the price of its time, and what has none told as such."""

from collections.abc import Iterable, Mapping, Sequence

from services.metrics.costs.models import Cost, Grouping, Price, PriceTable, Usage

MILLION = 1_000_000
ANY = "*"
# OpenTelemetry's names: the one that answered is charged, and may be told where the one that was asked is not.
MODELS = ("gen_ai.response.model", "gen_ai.request.model")
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 -- these tokens open no door
NO_TYPE = "unknown"

Group = tuple[str, ...]


class Prices:
    """The prices of one table, ready to be asked."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._exact = {(each.model, each.token_type): each.usd_per_million for each in prices}
        # The longest first, so that the first that fits is the one.
        self._beginnings = sorted(
            (key for key in self._exact if key[0].endswith(ANY)), key=lambda key: len(key[0]), reverse=True
        )

    def of(self, model: str, token_type: str) -> float | None:
        """US dollars a million; None where there is no price, which is something else than nothing."""
        exact = self._exact.get((model, token_type))
        if exact is not None:
            return exact
        for beginning, kind in self._beginnings:
            if kind == token_type and model.startswith(beginning.removesuffix(ANY)):
                return self._exact[beginning, kind]
        return None


def costs(used: Iterable[Usage], tables: Sequence[PriceTable], grouping: Grouping) -> tuple[Mapping[Group, Cost], Cost]:
    """What has been used, by groups, and all of it.

    Args:
        used: tokens by series and price table.
        tables: in order of the times from which on they hold.
        grouping: how it is told apart; each step of a path is a group that has all beneath it.
    """
    prices = [Prices(()), *(Prices(table.prices) for table in tables)]
    groups: dict[Group, Cost] = {}
    total = Cost()
    for each in used:
        model = next((each.dimensions[name] for name in MODELS if each.dimensions.get(name)), "")
        token_type = each.dimensions.get(TOKEN_TYPE) or NO_TYPE
        price = prices[each.period].of(model, token_type)
        _add(total, model, token_type, each.tokens, price)
        for group in grouping.groups_of(each.dimensions):
            _add(groups.setdefault(group, Cost()), model, token_type, each.tokens, price)
    return groups, total


def _add(cost: Cost, model: str, token_type: str, tokens: float, price: float | None) -> None:
    cost.tokens[token_type] = cost.tokens.get(token_type, 0.0) + tokens
    if price is None:
        cost.unpriced_tokens += tokens
        cost.unpriced_models.add(model)
    else:
        cost.usd += tokens * price / MILLION
