-- Files that need a person hang on their issue as dead letters do, and what a person decided is kept until it is done.
ALTER TABLE file_batch ADD COLUMN issue_id INTEGER;
ALTER TABLE file_batch ADD COLUMN fate TEXT NOT NULL DEFAULT '';  -- refused | held | reread | accept | reject; '' once nothing is open
CREATE INDEX file_batch_fate ON file_batch (connection, stream) WHERE fate <> '';
CREATE INDEX file_batch_issue ON file_batch (issue_id) WHERE issue_id IS NOT NULL;
