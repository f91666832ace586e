drop table heads;
drop table conversation_members;
drop table direct_pairs;
drop table conversations;
