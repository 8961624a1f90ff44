"""JSON without a loss."""

import json
from typing import Any


def exact(text: str) -> Any:
    """The value: keys in their order, a key that comes twice with a mark."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        return found if len(found) == len(pairs) else found | {"<keys>": [key for key, _ in pairs]}

    return json.loads(text, object_pairs_hook=members)
