insert into public.txt(id, "inet", "ci", "ma", "m8") values (101, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
insert into public.txt(id, "inet", "ci", "ma", "m8") values (102, '10.0.0.1/24', '::/0', null, null);
insert into public.txt(id, "inet", "ci", "ma", "m8") values (103, '::1', null, null, null);
insert into public.txt(id) values (104);
update public.txt set id=id where id=101;
alter table public.txt replica identity full;
update public.txt set id=id where id=101;
delete from public.txt where id=102;

update public.txtn set id=3 where id=1;
delete from public.txtn where id=2;
insert into public.txtn values (4, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
