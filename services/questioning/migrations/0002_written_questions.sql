-- What a language model has written for a conversation, and what that cost; null where none is asked.
ALTER TABLE conversations ADD COLUMN written jsonb;
