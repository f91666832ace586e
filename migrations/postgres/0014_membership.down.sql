drop index conversation_members_by_joining;
drop table invites;
drop table past_memberships;
