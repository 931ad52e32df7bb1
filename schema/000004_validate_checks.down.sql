-- A checked constraint needs no way back: the file before this one drops it.
SELECT 1;
