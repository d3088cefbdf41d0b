-- Where no replica has an index, nothing is put on its way to one any more.
CALL make_index_outbox();
