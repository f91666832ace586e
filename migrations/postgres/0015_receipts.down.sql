drop table message_receipts;
