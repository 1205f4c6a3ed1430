insert into public.arrt(id, "da", "ta", "t0a", "t3a", "tza", "tsa", "ts0a", "ts3a", "tstza", "tstz0a", "tstz3a", "iva") values (101, '{2024-03-15,NULL,1969-12-31}', '{13:14:15.123456,NULL,00:00}', '{13:14:15,NULL}', '{13:14:15.123,NULL}', '{13:14:15.123456+02,NULL}', '{"2024-03-15 13:14:15.123456",NULL,"1969-12-31 23:59:59.999999"}', '{"2024-03-15 13:14:15",NULL}', '{"2024-03-15 13:14:15.123",NULL}', '{"2024-03-15 13:14:15.123456+02",NULL,"1969-12-31 23:59:59+00"}', '{"2024-03-15 13:14:15+02",NULL}', '{"2024-03-15 13:14:15.12+02",NULL}', '{"1 day"}');
insert into public.arrt(id, "da", "ta", "t0a", "t3a", "tza", "tsa", "ts0a", "ts3a", "tstza", "tstz0a", "tstz3a", "iva") values (102, '{}', '{}', null, null, '{}', '{}', null, null, '{}', null, null, null);
insert into public.arrt(id, "da", "ta", "t0a", "t3a", "tza", "tsa", "ts0a", "ts3a", "tstza", "tstz0a", "tstz3a", "iva") values (103, '{1582-10-10,0001-01-01}', '{24:00}', null, null, null, null, null, null, null, null, null, null);
insert into public.arrt(id) values (104);
update public.arrt set id=id where id=101;
alter table public.arrt replica identity full;
update public.arrt set id=id where id=101;
delete from public.arrt where id=102;

update public.arrtn set id=3 where id=1;
delete from public.arrtn where id=2;
insert into public.arrtn values (4, '{2024-03-15,NULL,1969-12-31}', '{13:14:15.123456,NULL,00:00}', '{13:14:15,NULL}', '{13:14:15.123,NULL}', '{13:14:15.123456+02,NULL}', '{"2024-03-15 13:14:15.123456",NULL,"1969-12-31 23:59:59.999999"}', '{"2024-03-15 13:14:15",NULL}', '{"2024-03-15 13:14:15.123",NULL}', '{"2024-03-15 13:14:15.123456+02",NULL,"1969-12-31 23:59:59+00"}', '{"2024-03-15 13:14:15+02",NULL}', '{"2024-03-15 13:14:15.12+02",NULL}', '{"1 day"}');
