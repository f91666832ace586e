drop table email_recipients;
drop table email_digest_entries;
drop table email_digests;
