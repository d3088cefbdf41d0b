-- By what access says whether whoever asked still may (`key:<id>`, `roles:<names>`): what is approved later is not run for
-- somebody who has lost that. Empty where nobody checked, and of what the release before began.
ALTER TABLE open_approvals ADD COLUMN reference text NOT NULL DEFAULT '';
