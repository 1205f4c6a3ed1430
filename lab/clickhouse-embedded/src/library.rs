//! The one call into `libchdb.so`: a command line in, its end or its error out.
//!
//! The C interface is chdb.h's, as published with the library: `chdb_query_cmdline` runs
//! `clickhouse-local` with the given arguments and returns a result that can be asked for an error.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use anyhow::{Context, Result, bail};
use libloading::{Library, Symbol};

type QueryCmdline = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
type ResultError = unsafe extern "C" fn(*mut c_void) -> *const c_char;

/// Runs `clickhouse-local` with `arguments` (the program's name first) until its script ends.
///
/// # Errors
/// When the library cannot be loaded, lacks the functions, or its script fails.
pub(crate) fn run(file: &Path, arguments: &[String]) -> Result<()> {
    // SAFETY: loading runs the library's initialisers. The caller names a libchdb.so, whose
    // initialisers expect nothing of the process; it is never unloaded while its threads run,
    // because this process ends after the call.
    let library = unsafe { Library::new(file) }.with_context(|| {
        format!(
            "load {}; is it libchdb.so of @chdb/lib-linux-x64-gnu?",
            file.display()
        )
    })?;
    // SAFETY: the types are those that chdb.h declares for these two functions.
    let (query, result_error): (Symbol<'_, QueryCmdline>, Symbol<'_, ResultError>) = unsafe {
        (
            library
                .get(b"chdb_query_cmdline\0")
                .context("find chdb_query_cmdline")?,
            library
                .get(b"chdb_result_error\0")
                .context("find chdb_result_error")?,
        )
    };
    let owned: Vec<CString> = arguments
        .iter()
        .map(|argument| CString::new(argument.as_str()).context("an argument holds a NUL byte"))
        .collect::<Result<_>>()?;
    let mut argv: Vec<*mut c_char> = owned.iter().map(|text| text.as_ptr().cast_mut()).collect();
    argv.push(std::ptr::null_mut());
    let argc = c_int::try_from(owned.len()).context("too many arguments")?;
    // SAFETY: argv holds argc NUL-terminated strings and the closing null, and outlives the call;
    // the library only reads them.
    let result = unsafe { query(argc, argv.as_mut_ptr()) };
    if result.is_null() {
        bail!("ClickHouse did not start");
    }
    // SAFETY: result is the live pointer that the library has just returned.
    let error = unsafe { result_error(result) };
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: a non-null error is a NUL-terminated string owned by the result, which is not freed.
    let error = unsafe { CStr::from_ptr(error) };
    bail!("ClickHouse: {}", error.to_string_lossy())
}
