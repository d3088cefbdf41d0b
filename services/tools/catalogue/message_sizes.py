"""How large a message becomes once it is written out: two bytes may stand for a type with a thousand fields."""

from collections.abc import Iterator

from google.protobuf.message import Message

# Of one message, its parts included, with those that are left out.
MAX_FIELDS = 200_000


def fields_within(message: Message, most: int) -> int:
    """How many fields a message and all within it have, given or not; counted until there are more than `most`."""
    waiting = [message]
    count = 0
    while waiting and count <= most:
        one = waiting.pop()
        count += 1 + len(one.DESCRIPTOR.fields)
        waiting.extend(_parts(one))
    return count


def _parts(message: Message) -> Iterator[Message]:
    for field, value in message.ListFields():
        of = field.message_type
        if of is None:
            continue
        if of.GetOptions().map_entry:
            if of.fields_by_name["value"].message_type is not None:
                yield from value.values()
        elif field.is_repeated:
            yield from value
        else:
            yield value
