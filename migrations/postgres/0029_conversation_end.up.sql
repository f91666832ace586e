-- A conversation's end takes these with it, and must not read them all to find them.
create index notifications_shown_by_conversation on notifications_shown (conversation_id);
