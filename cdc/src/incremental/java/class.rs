//! The Java classes of keys, as `ObjectOutputStream` describes them.

/// A class as a stream describes it: name, `serialVersionUID`, flags, fields.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) uid: u64,
    /// `SC_SERIALIZABLE`, and `SC_WRITE_METHOD` where the class writes something of its own.
    pub(super) flags: u8,
    /// Type letter and name of each field.
    pub(super) fields: &'static [(u8, &'static str)],
    pub(super) superclass: Option<&'static Class>,
}

pub(super) const ARRAY_OF_OBJECTS: Class = Class {
    name: "[Ljava.lang.Object;",
    uid: 0x90ce_589f_1073_296c,
    flags: 2,
    fields: &[],
    superclass: None,
};
pub(super) const NUMBER: Class = Class {
    name: "java.lang.Number",
    uid: 0x86ac_951d_0b94_e08b,
    flags: 2,
    fields: &[],
    superclass: None,
};
pub(super) const INTEGER: Class = Class {
    name: "java.lang.Integer",
    uid: 0x12e2_a0a4_f781_8738,
    flags: 2,
    fields: &[(b'I', "value")],
    superclass: Some(&NUMBER),
};
pub(super) const LONG: Class = Class {
    name: "java.lang.Long",
    uid: 0x3b8b_e490_cc8f_23df,
    flags: 2,
    fields: &[(b'J', "value")],
    superclass: Some(&NUMBER),
};
pub(super) const SHORT: Class = Class {
    name: "java.lang.Short",
    uid: 0x684d_3713_3460_da52,
    flags: 2,
    fields: &[(b'S', "value")],
    superclass: Some(&NUMBER),
};
pub(super) const BOOLEAN: Class = Class {
    name: "java.lang.Boolean",
    uid: 0xcd20_7280_d59c_faee,
    flags: 2,
    fields: &[(b'Z', "value")],
    superclass: None,
};
pub(super) const UUID: Class = Class {
    name: "java.util.UUID",
    uid: 0xbc99_03f7_986d_852f,
    flags: 2,
    fields: &[(b'J', "leastSigBits"), (b'J', "mostSigBits")],
    superclass: None,
};
pub(super) const UTIL_DATE: Class = Class {
    name: "java.util.Date",
    uid: 0x686a_8101_4b59_7419,
    flags: 3,
    fields: &[],
    superclass: None,
};
pub(super) const DATE: Class = Class {
    name: "java.sql.Date",
    uid: 0x14fa_4668_3f35_6697,
    flags: 2,
    fields: &[],
    superclass: Some(&UTIL_DATE),
};
