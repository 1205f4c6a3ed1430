insert into public.mon(id, "m", "md") values (101, '1.50', '1');
insert into public.mon(id, "m", "md") values (102, '-12345678.90', null);
insert into public.mon(id, "m", "md") values (103, '0', null);
insert into public.mon(id, "m", "md") values (104, '0.05', null);
insert into public.mon(id) values (105);
update public.mon set id=id where id=101;
alter table public.mon replica identity full;
update public.mon set id=id where id=101;
delete from public.mon where id=102;

update public.monn set id=3 where id=1;
delete from public.monn where id=2;
insert into public.monn values (4, '1.5');
