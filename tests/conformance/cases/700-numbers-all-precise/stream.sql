insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (101, '1', '-1', '9223372036854775807', '0', '1.5', '1.5', '1.50', '12345', '1.5', '1234567890123456789012345678.0123456789', '0.1', '1.5', '1.50', '1', '0', '101010101', '1', '1', '1', 't');
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (102, '-32768', '2147483647', '-9223372036854775808', '4294967295', 'NaN', 'NaN', '-0.000000001', '-1', '-123.45', '-0.0000000001', '-0.9', '-99999999999999999999999999999999999999999999999999.99999999999999999999999999999999999999999999999999', '-12345678.90', '0', '1', '000000001', '', '', '0', 'f');
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (103, '32767', '-2147483648', '0', '1', '-Infinity', 'Infinity', '123456789012345678901234567890.123456789', '0', '0', '0', '0', null, '0', null, null, '100000000', '00000001', '0000', '', null);
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (104, null, null, null, null, '-0', '1e-5', '100', '99999', null, '1', null, null, '92233720368547758.07', null, null, '000000000', '10000000000000000000', '11111111111', null, null);
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (105, null, null, null, null, null, '0.001', '0', null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (106, null, null, null, null, null, '10000000', '0.00', null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (107, null, null, null, null, null, null, '1e20', null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into public.num(id, "i2", "i4", "i8", "o", "f4", "f8", "n", "n0", "n52", "n38", "n11", "n1000", "m", "b1", "bn", "b9", "vb", "vbn", "vb1", "bo") values (108, null, null, null, null, null, null, '1000000', null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into public.num(id) values (109);
update public.num set id=id where id=101;
alter table public.num replica identity full;
update public.num set id=id where id=101;
delete from public.num where id=102;

update public.numn set id=3 where id=1;
delete from public.numn where id=2;
insert into public.numn values (4, '1', '-1', '9223372036854775807', '0', '1.5', '1.5', '1.50', '12345', '1.5', '1234567890123456789012345678.0123456789', '0.1', '1.5', '1.50', '1', '0', '101010101', '1', '1', '1', 't');
