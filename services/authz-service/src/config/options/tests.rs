use super::*;
use clap::CommandFactory;

fn completed(arguments: &[&str], file: &str) -> Result<Options, InvalidFile> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authz.yaml");
    std::fs::write(&path, file).unwrap();
    let mut options = Options::parse_from([&["authz-service"], arguments].concat());
    options.config = Some(path);
    options.completed()
}

#[test]
fn the_command_line_is_well_formed() {
    Options::command().debug_assert();
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_has_the_flags_names() {
    let file = "listen: 127.0.0.1:1\npolicies: here\nlog-format: json\ndecision-log: off\ntls-client-ca: ca.pem\n";
    let options = completed(&["--listen", "127.0.0.1:2"], file).unwrap();
    assert_eq!(options.listen.unwrap().port(), 2);
    assert_eq!(options.policies.unwrap(), Path::new("here"));
    assert_eq!(options.log_format, Some(LogFormat::Json));
    assert_eq!(options.decision_log, Some(Which::Off));
    assert_eq!(options.tls_client_ca.unwrap(), Path::new("ca.pem"));
}

#[test]
fn every_option_of_the_command_line_can_stand_in_the_file() {
    for argument in Options::command().get_arguments() {
        let Some(name) =
            argument.get_long().filter(|name| !["config", "help", "version"].contains(name))
        else {
            continue;
        };
        // Any value will do: only a name that is not known is an unknown field.
        if let Err(error) = completed(&[], &format!("{name}: {{}}\n")) {
            assert!(!error.problem.contains("unknown field"), "{name}: {}", error.problem);
        }
    }
}

#[test]
fn what_the_file_has_wrong_is_named() {
    for (file, names) in [
        ("lissten: 127.0.0.1:1\n", "lissten"),
        ("listen: here\n", "line 1"),
        ("config: other.yaml\n", "config"),
        ("token: 0123456789abcdef\n", "token"),
    ] {
        let problem = completed(&[], file).unwrap_err().to_string();
        assert!(problem.contains("authz.yaml: ") && problem.contains(names), "{problem}");
    }
}
