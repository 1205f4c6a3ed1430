create extension citext; create extension ltree; create extension hstore; create extension isn;
create table public.txt(id int primary key, "inet" inet, "ci" cidr, "ma" macaddr, "m8" macaddr8);
insert into public.txt(id, "inet", "ci", "ma", "m8") values (1, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
insert into public.txt(id, "inet", "ci", "ma", "m8") values (2, '10.0.0.1/24', '::/0', null, null);
insert into public.txt(id, "inet", "ci", "ma", "m8") values (3, '::1', null, null, null);
insert into public.txt(id) values (4);

create table public.txtn(id int primary key, "inet" inet not null, "ci" cidr not null, "ma" macaddr not null, "m8" macaddr8 not null);
insert into public.txtn values (1, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
insert into public.txtn values (2, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
