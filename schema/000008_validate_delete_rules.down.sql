-- A checked foreign key needs no way back: the file before this one replaces it.
SELECT 1;
