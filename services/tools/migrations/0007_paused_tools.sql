-- A tool that is paused is not begun, whatever its definition is: a change of that leaves these as they are.
ALTER TABLE tools
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN paused_by text NOT NULL DEFAULT '',
    ADD COLUMN pause_reason text NOT NULL DEFAULT '';
