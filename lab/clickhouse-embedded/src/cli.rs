//! The command line: text in, checked [`Options`] out. Never touches files or sockets.

use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Runs ClickHouse's HTTP and native listeners from libchdb.so until SIGTERM or SIGINT.

usage: walcast-clickhouse-embedded --library FILE --data DIR --http-port N --tcp-port N
                                   [--listen-host ADDRESS]

  --library FILE         the libchdb.so to load
  --data DIR             data folder, made when missing; one server at a time
  --http-port N          port of the HTTP interface
  --tcp-port N           port of the native interface
  --listen-host ADDRESS  address to listen on [default: 127.0.0.1]
  -h, --help             print this";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Serve(Options),
}

/// Where the library and the data are, and where to listen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) library: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) listen_host: String,
    pub(crate) http_port: u16,
    pub(crate) tcp_port: u16,
}

/// Reads the arguments after the program's name. The error says which one is wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let (mut library, mut data, mut http_port, mut tcp_port) = (None, None, None, None);
    let mut listen_host = "127.0.0.1".to_owned();
    let mut arguments = arguments.into_iter();
    while let Some(name) = arguments.next() {
        if name == "-h" || name == "--help" {
            return Ok(Command::Help);
        }
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--library" => library = Some(PathBuf::from(value()?)),
            "--data" => data = Some(PathBuf::from(value()?)),
            "--listen-host" => listen_host = value()?,
            "--http-port" => http_port = Some(port(&name, &value()?)?),
            "--tcp-port" => tcp_port = Some(port(&name, &value()?)?),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(Command::Serve(Options {
        library: library.ok_or("--library is missing")?,
        data: data.ok_or("--data is missing")?,
        listen_host,
        http_port: http_port.ok_or("--http-port is missing")?,
        tcp_port: tcp_port.ok_or("--tcp-port is missing")?,
    }))
}

fn port(name: &str, text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{name} must be a port from 1 to 65535, not {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<Command, &str>) {
        let parsed = parse(line.split_whitespace().map(str::to_owned));
        assert_eq!(parsed, expected.map_err(str::to_owned), "{line}");
    }

    #[test]
    fn a_full_line_is_read_and_a_wrong_one_is_named() {
        let options = |listen_host: &str| {
            Ok(Command::Serve(Options {
                library: "a.so".into(),
                data: "d".into(),
                listen_host: listen_host.into(),
                http_port: 8123,
                tcp_port: 9000,
            }))
        };
        let full = "--library a.so --data d --http-port 8123 --tcp-port 9000";
        check(full, options("127.0.0.1"));
        check(&format!("{full} --listen-host ::1"), options("::1"));
        check("--help", Ok(Command::Help));
        check("", Err("--library is missing"));
        check("--library", Err("--library needs a value"));
        check("--port 1", Err("unknown argument --port"));
        check(
            "--http-port 0",
            Err("--http-port must be a port from 1 to 65535, not 0"),
        );
        check(
            "--tcp-port x",
            Err("--tcp-port must be a port from 1 to 65535, not x"),
        );
        check(
            "--library a.so --data d --http-port 1",
            Err("--tcp-port is missing"),
        );
    }
}
