"""Messages that a server answered, as JSON; what cannot be told so is told as its bytes."""

from dataclasses import dataclass

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError

from servicekit.json_values import MAX_DEPTH, is_deeper
from services.tools.catalogue.answers import in_base64
from services.tools.catalogue.message_sizes import MAX_FIELDS, fields_within
from services.tools.models import Json, Output

UNREADABLE = (DecodeError, json_format.Error, ValueError, TypeError, AttributeError, KeyError, RecursionError)


@dataclass(slots=True)
class Answers:
    """Tells the answers of one call as JSON, within bounds for all of them."""

    message: Descriptor
    # Levels of each.
    max_depth: int = MAX_DEPTH
    # How many fields are left, written out: those without presence are told where they are left out, too.
    fields: int = MAX_FIELDS

    def output(self, answered: bytes) -> Output:
        """An answer as JSON. The server has done it by now: nothing raises any more."""
        try:
            parsed = message_factory.GetMessageClass(self.message).FromString(answered)
            self.fields -= fields_within(parsed, self.fields)
            if self.fields < 0:
                why = f"written out it has more than {MAX_FIELDS:,} fields"
            else:
                result: Json = json_format.MessageToDict(
                    parsed,
                    preserving_proto_field_name=True,
                    always_print_fields_with_no_presence=True,
                    descriptor_pool=self.message.file.pool,
                )
                if not is_deeper(result, self.max_depth):
                    return Output(result)
                why = f"it is nested deeper than {self.max_depth} levels"
        except UNREADABLE as error:
            why = str(error)
        why = f"The tool ran. Its answer cannot be told as JSON, so the result is its bytes in base64: {why}"
        return Output(in_base64(answered, "application/x-protobuf"), "OUTPUT_NOT_JSON", why)
