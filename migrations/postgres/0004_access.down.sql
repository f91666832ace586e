drop table blocks, personal_tokens, recovery_codes, one_time_codes;
