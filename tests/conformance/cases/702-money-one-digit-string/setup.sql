create table public.mon(id int primary key, "m" money, "md" money default 2.5);
insert into public.mon(id, "m", "md") values (1, '1.50', '1');
insert into public.mon(id, "m", "md") values (2, '-12345678.90', null);
insert into public.mon(id, "m", "md") values (3, '0', null);
insert into public.mon(id, "m", "md") values (4, '0.05', null);
insert into public.mon(id) values (5);

create table public.monn(id int primary key, "m" money not null);
insert into public.monn values (1, '1.5');
insert into public.monn values (2, '1.5');
