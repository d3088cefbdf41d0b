-- Whether a monitor fired and has not recovered since: what has no values for a while has not recovered by that.
ALTER TABLE monitors ADD COLUMN unrecovered boolean NOT NULL DEFAULT false;
