drop index hidden_messages_by_conversation;
drop index conversation_members_by_joining;
drop table invites;
drop table past_memberships;
